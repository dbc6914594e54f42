"""A jambonz that executes your application: for tests of call control, and for people."""

from listen_server.simulator.platform.heard import Beeped, Heard, Played, Said
from listen_server.simulator.platform.placing import Order, Outcome, place
from listen_server.simulator.platform.rest import RestApi, rest_api
from listen_server.simulator.platform.rules import RULES, Refusal, Rule, read_application
from listen_server.simulator.platform.screenplay import Line, Screenplay
from listen_server.simulator.platform.script import Script, read_script
from listen_server.simulator.platform.stream import Streamed
from listen_server.simulator.platform.transport import AppAddress
from listen_server.simulator.platform.voices import Voice

__all__ = [
    "RULES",
    "AppAddress",
    "Beeped",
    "Heard",
    "Line",
    "Order",
    "Outcome",
    "Played",
    "Refusal",
    "RestApi",
    "Rule",
    "Said",
    "Screenplay",
    "Script",
    "Streamed",
    "Voice",
    "place",
    "read_application",
    "read_script",
    "rest_api",
]
