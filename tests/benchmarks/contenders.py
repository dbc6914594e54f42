"""The servers that are compared, by name. servers.py starts them, arms.py says which run where."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.servers import Start, ours, program, stock


@dataclass(frozen=True, slots=True)
class Contender:
    """A server under test."""

    name: str
    start: Start
    metered: bool = True


_CAPPED: Final = "settings = { seconds = 5.0, streams = 100000 }\n"
_PATIENT: Final = "settings = { close_timeout = 60.0 }\n"
SLOW_SYNCS: Final = (0.5, 2.0, 1.0)  # seconds, in turn

STOCK: Final = Contender("uvicorn untouched", stock)
THROTTLED: Final = Contender("throttled, stock class", partial(ours, sink="discard", fast=False))
DISCARD: Final = Contender("listen-server, discard", partial(ours, sink="discard"))
MEMORY: Final = Contender("listen-server, memory", partial(ours, sink="memory", settings=_CAPPED))
RECORDING: Final = Contender("listen-server, recording", partial(ours, sink="recording"))
VOICEMAIL: Final = Contender(
    "listen-server, voicemail", partial(ours, sink="voicemail", settings=_PATIENT)
)
SLOWED: Final = Contender(
    "voicemail, slow syncs",
    partial(ours, sink="voicemail", settings=f"{_PATIENT}slow_syncs = {list(SLOW_SYNCS)}\n"),
)
REFERENCE: Final = "reference in C"


def reference(built: Path) -> Contender:
    """Return the server in C, from its program."""
    command = [str(built)]
    return Contender(REFERENCE, lambda _: program(command), metered=False)
