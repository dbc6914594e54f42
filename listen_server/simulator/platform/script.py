"""What the people in a simulated call do, as a text of one line each; caller.py acts it out.

    2.5  press 1                                 2.5 s after the call began
    +3   say I want sales for 2                  3 s after the line before
    asked press 1234#                            as soon as a gather has asked
    asked+1 say sales please for 1.5             1 s after it has asked
    +20  hang up
    party +15551230003 answers after 3 for 20    and hangs up after 20 s
    party sip:help@example.com is busy after 1
    party * never answers                        whoever has no line of their own
    queue help is answered after 30 for 15       somebody takes the caller out of the queue
    queue help has a caller after 5 for 20       for a dequeue
    conference meeting has 2 members             it is going on already
    conference meeting starts after 10 for 60    for those who wait for it
    conference meeting ends after 60

Empty lines and those that begin with `;` are skipped.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from listen_server.simulator.errors import CallError
from listen_server.simulator.script import KEYS

Outcome: TypeAlias = Literal["answers", "busy", "no answer"]
_NUMBER: Final = r"(\d+(?:\.\d*)?|\.\d+)"
_CUE: Final = re.compile(rf"(\+|asked\+)?{_NUMBER}\s+(.+)|(asked)\s+(.+)")
_SAY: Final = re.compile(rf"say\s+(.+?)\s+for\s+{_NUMBER}")
_PARTY: Final = re.compile(
    rf"party\s+(\S+)\s+(?:(answers)(?:\s+after\s+{_NUMBER})?(?:\s+for\s+{_NUMBER})?"
    rf"|(is\s+busy)(?:\s+after\s+{_NUMBER})?|(never\s+answers))"
)
_QUEUE: Final = re.compile(
    rf"queue\s+(\S+)\s+(is\s+answered|has\s+a\s+caller)(?:\s+after\s+{_NUMBER})?"
    rf"(?:\s+for\s+{_NUMBER})?"
)
_ROOM: Final = re.compile(
    rf"conference\s+(\S+)\s+(?:has\s+(\d+)\s+members?|(starts|ends)\s+after\s+{_NUMBER}"
    rf"(?:\s+for\s+{_NUMBER})?)"
)


@dataclass(frozen=True, slots=True)
class Press:
    """Keys of the phone, one after the other."""

    keys: str


@dataclass(frozen=True, slots=True)
class Speak:
    """Words, and how long they take."""

    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class HangUp:
    """The end."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Something that the caller does at its time."""

    when: Literal["at", "after", "asked"]
    seconds: float
    what: Press | Speak | HangUp


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who is dialled."""

    outcome: Outcome = "answers"
    after: float = 2.0
    """Seconds that it rings."""
    lasts: float = 15.0
    """Seconds until they hang up."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The other end of a queue."""

    after: float
    lasts: float


@dataclass(slots=True)
class Room:
    """A conference, apart from the caller."""

    members: int = 0
    starts: float | None = None
    """Seconds until a moderator comes; they are counted from the caller's arrival."""
    ends: float | None = None
    """Seconds until it is over for everybody, from when the caller is in it."""


@dataclass(slots=True)
class Script:
    """All of it."""

    cues: list[Cue] = field(default_factory=list)
    parties: dict[str, Party] = field(default_factory=dict)
    answered: dict[str, Queue] = field(default_factory=dict)
    """Queues out of which the caller is taken, by name."""
    waiting: dict[str, Queue] = field(default_factory=dict)
    """Queues in which somebody else waits, by name."""
    rooms: dict[str, Room] = field(default_factory=dict)

    def party(self, name: str) -> Party:
        """Return what somebody does when they are called."""
        return self.parties.get(name) or self.parties.get("*") or Party()


def read_script(lines: Iterable[str]) -> Script:
    """Read a script. Raises CallError with every line that is none."""
    script = Script()
    faults = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith(";") and not any(read(text, script) for read in _READERS):
            faults.append(f"line {number} of the script is not understood: {text!r}")
    if faults:
        raise CallError("\n".join(faults), "`listen-server simulate call --help` has examples")
    return script


def _cue(text: str, script: Script) -> bool:
    if not (found := _CUE.fullmatch(text)):
        return False
    sign, seconds, timed, asked, on_asked = found.groups()
    what = _what(timed or on_asked)
    if what is None:
        return False
    kind: Literal["at", "after", "asked"] = "asked" if asked or sign == "asked+" else "at"
    script.cues.append(Cue("after" if sign == "+" else kind, float(seconds or 0), what))
    return True


def _what(text: str) -> Press | Speak | HangUp | None:
    verb, _, rest = text.partition(" ")
    if text == "hang up":
        return HangUp()
    if verb == "press" and rest and all(key in KEYS for key in rest):
        return Press(rest)
    if found := _SAY.fullmatch(text):
        return Speak(found[1], float(found[2]))
    return None


def _party(text: str, script: Script) -> bool:
    if not (found := _PARTY.fullmatch(text)):
        return False
    name, answers, after, lasts, busy, busy_after, _ = found.groups()
    if answers:
        party = Party("answers", float(after or 2), float(lasts or 15))
    elif busy:
        party = Party("busy", float(busy_after or 1))
    else:
        party = Party("no answer")
    script.parties[name] = party
    return True


def _queue(text: str, script: Script) -> bool:
    if not (found := _QUEUE.fullmatch(text)):
        return False
    name, kind, after, lasts = found.groups()
    queues = script.answered if kind.startswith("is") else script.waiting
    queues[name] = Queue(float(after or 0), float(lasts or 15))
    return True


def _room(text: str, script: Script) -> bool:
    if not (found := _ROOM.fullmatch(text)):
        return False
    name, members, change, after, lasts = found.groups()
    room = script.rooms.setdefault(name, Room())
    if members:
        room.members = int(members)
    elif change == "starts":
        room.starts, room.ends = float(after), float(lasts) if lasts else room.ends
    else:
        room.ends = float(after)
    return True


_READERS: Final[tuple[Callable[[str, Script], bool], ...]] = (_party, _queue, _room, _cue)
