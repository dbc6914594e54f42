"""A jambonz that calls you: for the demonstration, for tests, and for people."""

from listen_server.simulator.address import Address, parse_address
from listen_server.simulator.attributes import Kind, call_attributes, opening_text
from listen_server.simulator.errors import CallError, CallRefused
from listen_server.simulator.handshake import Credential
from listen_server.simulator.live import CallResult, SimulatedCall, place_call
from listen_server.simulator.playback import Command
from listen_server.simulator.script import CallScript, Key, Pause, opening_for
from listen_server.simulator.target import Target, tls_context

__all__ = [
    "Address",
    "CallError",
    "CallRefused",
    "CallResult",
    "CallScript",
    "Command",
    "Credential",
    "Key",
    "Kind",
    "Pause",
    "SimulatedCall",
    "Target",
    "call_attributes",
    "opening_for",
    "opening_text",
    "parse_address",
    "place_call",
    "tls_context",
]
