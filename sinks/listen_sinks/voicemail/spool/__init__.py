"""Messages on the local disk, until they are safe elsewhere. spool.py is the door."""

from listen_sinks.voicemail.spool.disk import Disk
from listen_sinks.voicemail.spool.note import End, Note, State, Values
from listen_sinks.voicemail.spool.spool import Spool, SpoolLimits
from listen_sinks.voicemail.spool.stored import Stored
from listen_sinks.voicemail.spool.stream import SpooledStream

__all__ = [
    "Disk",
    "End",
    "Note",
    "Spool",
    "SpoolLimits",
    "SpooledStream",
    "State",
    "Stored",
    "Values",
]
