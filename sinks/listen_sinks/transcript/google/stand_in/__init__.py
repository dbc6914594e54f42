"""A stand-in for Google's streaming recognition, to try and to test without an account.

`python -m listen_sinks.transcript.google.stand_in --help`
"""

from listen_sinks.transcript.google.stand_in.faults import Faults
from listen_sinks.transcript.google.stand_in.limits import Ended, Limits
from listen_sinks.transcript.google.stand_in.relay import Relay
from listen_sinks.transcript.google.stand_in.server import StandIn
from listen_sinks.transcript.google.stand_in.tokens import spoken, token

__all__ = ["Ended", "Faults", "Limits", "Relay", "StandIn", "spoken", "token"]
