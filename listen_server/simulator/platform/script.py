"""What the people in a simulated call do, as a text of one line each; caller.py acts it out.

    2.5  press 1                                 2.5 s after the call began
    +3   say I want sales for 2                  3 s after the line before
    asked press 1234#                            as soon as a gather has asked
    asked+1 say sales please for 1.5             1 s after it has asked
    recording speak hello.wav                    as soon as the call is streamed
    recording+1 speak bye.wav as good bye        what a recogniser understands of it
    hears "press 1" press 1                      as soon as that has been said
    hears "press 1"+2 hang up                    2 s after that
    +5   transfer to +15551230009                by SIP REFER
    +1   send INFO hello                         or MESSAGE, within the call
    +20  hang up
    party +15551230003 answers after 3 for 20    and hangs up after 20 s
    party sip:help@example.com is busy after 1
    party * never answers                        whoever has no line of their own
    party +15551230003 greets with hello         or with the words of a machine, and beeps
    party +15551230003 presses 1                 where a confirm hook gathers
    party +15551230003 transfers to +15551230009 after 5
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
from pathlib import Path
from typing import Final, Literal, TypeAlias

from listen_server.simulator.errors import CallError
from listen_server.simulator.script import KEYS

Outcome: TypeAlias = Literal["answers", "busy", "no answer"]
_NUMBER: Final = r"(\d+(?:\.\d*)?|\.\d+)"
_CUE: Final = re.compile(
    rf"(?:(asked|recording)(?:\+{_NUMBER})?|hears\s+\"([^\"]+)\"(?:\+{_NUMBER})?|(\+)?{_NUMBER})"
    r"\s+(.+)"
)
_SAY: Final = re.compile(rf"say\s+(.+?)\s+for\s+{_NUMBER}")
_SPEAK: Final = re.compile(r"speak\s+(?:\"([^\"]+)\"|([^\s\"]\S*))(?:\s+as\s+(.+))?")
_PARTY: Final = re.compile(
    rf"party\s+(\S+)\s+(?:(answers)(?:\s+after\s+{_NUMBER})?(?:\s+for\s+{_NUMBER})?"
    rf"|(is\s+busy)(?:\s+after\s+{_NUMBER})?|(never\s+answers))"
)
_GREETING: Final = re.compile(r"party\s+(\S+)\s+greets\s+with\s+(.+?)(\s+and\s+beeps)?")
_SCREENED: Final = re.compile(r"party\s+(\S+)\s+presses\s+(\S+)")
_TRANSFER: Final = re.compile(rf"party\s+(\S+)\s+transfers\s+to\s+(\S+)(?:\s+after\s+{_NUMBER})?")
_QUEUE: Final = re.compile(
    rf"queue\s+(\S+)\s+(is\s+answered|has\s+a\s+caller)(?:\s+after\s+{_NUMBER})?"
    rf"(?:\s+for\s+{_NUMBER})?"
)
_ROOM: Final = re.compile(
    rf"conference\s+(\S+)\s+(?:has\s+(\d+)\s+members?|(starts|ends)\s+after\s+{_NUMBER}"
    rf"(?:\s+for\s+{_NUMBER})?)"
)
_EXAMPLES: Final = {
    "asked": "asked press 1",
    "hears": 'hears "for Ann" press 1',
    "recording": "recording speak hello.wav",
    "party": "party +15551230003 answers after 3",
}
"""What a line that begins so may look like."""


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
class SpeakFile:
    """Audio that the caller speaks into every stream that is open, and the words in it."""

    file: Path
    text: str = ""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The end."""


@dataclass(frozen=True, slots=True)
class Refer:
    """A SIP REFER to somebody else."""

    to: str


@dataclass(frozen=True, slots=True)
class Send:
    """A SIP INFO or MESSAGE within the call."""

    method: str
    body: str


Deed: TypeAlias = Press | Speak | SpeakFile | HangUp | Refer | Send
When: TypeAlias = Literal["at", "after", "asked", "recording", "hears"]


@dataclass(frozen=True, slots=True)
class Cue:
    """Something that the caller does at its time."""

    when: When
    seconds: float
    what: Deed
    phrase: str = ""
    """What is to be heard before."""


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who is dialled."""

    outcome: Outcome = "answers"
    after: float = 2.0
    """Seconds that it rings."""
    lasts: float = 15.0
    """Seconds until they hang up."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What somebody says who has answered, as far as `amd` listens."""

    text: str
    beeps: bool = False


@dataclass(frozen=True, slots=True)
class Transfer:
    """A REFER of somebody who was dialled."""

    to: str
    after: float
    """Seconds after they were connected."""


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
    greetings: dict[str, Greeting] = field(default_factory=dict)
    pressed: dict[str, list[str]] = field(default_factory=dict)
    """What those who are dialled press in the verbs of a confirm hook, for each gather in turn."""
    transfers: dict[str, Transfer] = field(default_factory=dict)
    answered: dict[str, Queue] = field(default_factory=dict)
    """Queues out of which the caller is taken, by name."""
    waiting: dict[str, Queue] = field(default_factory=dict)
    """Queues in which somebody else waits, by name."""
    rooms: dict[str, Room] = field(default_factory=dict)

    @property
    def has_speech(self) -> bool:
        """Whether the caller speaks files, and is silent otherwise."""
        return any(isinstance(cue.what, SpeakFile) for cue in self.cues)

    def party(self, name: str) -> Party:
        """Return what somebody does when they are called."""
        return self.parties.get(name) or self.parties.get("*") or Party()

    def presses(self, name: str) -> list[str]:
        """Return what somebody presses who is asked whether they take the call."""
        return self.pressed.get(name) or self.pressed.get("*") or []


def read_script(lines: Iterable[str]) -> Script:
    """Read a script. Raises CallError with every line that is none."""
    script = Script()
    faults = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith(";") and not any(read(text, script) for read in _READERS):
            example = _EXAMPLES.get(re.split(r"[\s+]", text, maxsplit=1)[0])
            hint = f"; write it as in: {example}" if example else ""
            faults.append(f"line {number} of the script is not understood: {text!r}{hint}")
    if faults:
        raise CallError("\n".join(faults), "`listen-server simulate call --help` has examples")
    return script


def _cue(text: str, script: Script) -> bool:
    if not (found := _CUE.fullmatch(text)):
        return False
    event, after_event, phrase, after_phrase, sign, moment, rest = found.groups()
    what = _what(rest)
    if what is None:
        return False
    when: When = "after" if sign else "at"
    if event or phrase:
        when = "hears" if phrase else "asked" if event == "asked" else "recording"
    seconds = float(after_event or after_phrase or moment or 0)
    script.cues.append(Cue(when, seconds, what, phrase or ""))
    return True


def _what(text: str) -> Deed | None:
    verb, _, rest = text.partition(" ")
    if text == "hang up":
        return HangUp()
    if verb == "press" and rest and all(key in KEYS for key in rest):
        return Press(rest)
    if found := _SAY.fullmatch(text):
        return Speak(found[1], float(found[2]))
    if found := _SPEAK.fullmatch(text):
        return SpeakFile(Path(found[1] or found[2]), found[3] or "")
    return _sip(verb, rest)


def _sip(verb: str, rest: str) -> Deed | None:
    if verb == "transfer" and (found := re.fullmatch(r"to\s+(\S+)", rest)):
        return Refer(found[1])
    if verb == "send" and (found := re.fullmatch(r"(INFO|MESSAGE)\s+(.+)", rest)):
        return Send(found[1], found[2])
    return None


def _greeting(text: str, script: Script) -> bool:
    if not (found := _GREETING.fullmatch(text)):
        return False
    script.greetings[found[1]] = Greeting(found[2], beeps=bool(found[3]))
    return True


def _screened(text: str, script: Script) -> bool:
    if not (found := _SCREENED.fullmatch(text)) or not all(key in KEYS for key in found[2]):
        return False
    script.pressed.setdefault(found[1], []).append(found[2])
    return True


def _transfer(text: str, script: Script) -> bool:
    if not (found := _TRANSFER.fullmatch(text)):
        return False
    script.transfers[found[1]] = Transfer(found[2], float(found[3] or 1))
    return True


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


_READERS: Final[tuple[Callable[[str, Script], bool], ...]] = (
    _party,
    _greeting,
    _screened,
    _transfer,
    _queue,
    _room,
    _cue,
)
