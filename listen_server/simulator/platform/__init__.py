"""A jambonz that executes your application: for tests of call control, and for people."""

from listen_server.simulator.platform.placing import Order, Outcome, place
from listen_server.simulator.platform.rules import RULES, Refusal, Rule, read_application
from listen_server.simulator.platform.screenplay import Line, Screenplay
from listen_server.simulator.platform.script import Script, read_script
from listen_server.simulator.platform.transport import AppAddress

__all__ = [
    "RULES",
    "AppAddress",
    "Line",
    "Order",
    "Outcome",
    "Refusal",
    "Rule",
    "Screenplay",
    "Script",
    "place",
    "read_application",
    "read_script",
]
