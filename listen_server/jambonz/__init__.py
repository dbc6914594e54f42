"""The call-control side of jambonz: verbs, hooks, commands and the application, in Python.

README.md beside this file is for the authors of applications.
"""

from listen_server.jambonz import commands
from listen_server.jambonz.access import Access
from listen_server.jambonz.application import CallApplication, Verbs, hook, notice
from listen_server.jambonz.call import Call, Unreachable
from listen_server.jambonz.commands import Command, read_command
from listen_server.jambonz.errors import Refused
from listen_server.jambonz.hooks import (
    CallArrived,
    CallHook,
    CallStatusChanged,
    ConferenceChanged,
    Dequeued,
    Dialled,
    Gathered,
    KeysCaptured,
    Listened,
    QueueLeft,
    QueueWaited,
    Transcribed,
    read_hook,
)
from listen_server.jambonz.model import Addresses, Webhook
from listen_server.jambonz.serving import Served, addresses_of, served
from listen_server.jambonz.sockets import SocketLimits
from listen_server.jambonz.verbs import *  # noqa: F403 - its names are listed there
from listen_server.jambonz.verbs import __all__ as _verbs

__all__ = [  # noqa: PLE0604 - the verbs are texts too
    "Access",
    "Addresses",
    "Call",
    "CallApplication",
    "CallArrived",
    "CallHook",
    "CallStatusChanged",
    "Command",
    "ConferenceChanged",
    "Dequeued",
    "Dialled",
    "Gathered",
    "KeysCaptured",
    "Listened",
    "QueueLeft",
    "QueueWaited",
    "Refused",
    "Served",
    "SocketLimits",
    "Transcribed",
    "Unreachable",
    "Verbs",
    "Webhook",
    "addresses_of",
    "commands",
    "hook",
    "notice",
    "read_command",
    "read_hook",
    "served",
    *_verbs,
]
