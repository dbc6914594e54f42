"""An application: verbs in their order, and where each may stand; reading.py made the verbs.

Beside the reference, the rules are those of jambonz-feature-server 0.9.8: lib/tasks/enqueue.js,
conference.js and dial.js (which verbs a wait hook may answer with), lib/utils/place-outdial.js
(confirm hooks), lib/session/call-session.js (preconditions, whisper).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from listen_server.jambonz.errors import Refused
from listen_server.jambonz.model import NOWHERE, Addresses
from listen_server.jambonz.verbs.calls import Dial, SipDecline, Tag
from listen_server.jambonz.verbs.config import Config
from listen_server.jambonz.verbs.prompts import Gather, Pause, Play, Say
from listen_server.jambonz.verbs.reading import Raw, read_verb
from listen_server.jambonz.verbs.rooms import Dequeue
from listen_server.jambonz.verbs.streams import Listen, Transcribe
from listen_server.jambonz.verbs.targets import OtherTarget
from listen_server.jambonz.verbs.verb import Verb

Place: TypeAlias = Literal["call", "enqueue wait", "conference wait", "hold", "confirm", "whisper"]
"""Who is answered: the call itself, or a hook that takes some verbs only."""

_ALLOWED: Final[Mapping[Place, tuple[str, ...]]] = {
    "enqueue wait": ("say", "play", "pause", "leave", "tag"),
    "conference wait": ("say", "play", "pause"),
    "hold": ("say", "play", "pause"),
    "whisper": ("say", "play"),
}
_WHO: Final[Mapping[Place, str]] = {
    "enqueue wait": "the wait hook of enqueue",
    "conference wait": "the wait and enter hooks of conference",
    "hold": "the hold hook of dial",
    "whisper": "whisper",
}


class Application:
    """Verbs that jambonz executes in order.

    Takes verbs, or what JSON has for them. Raises Refused with all faults of what jambonz would
    not take. `top_level_transcribe` allows what newer servers take and the reference does not.
    """

    def __init__(
        self,
        verbs: Iterable[Verb | Mapping[str, Any]],
        *,
        place: Place = "call",
        top_level_transcribe: bool = False,
    ) -> None:
        if isinstance(verbs, Verb | Mapping | str) or not isinstance(verbs, Iterable):
            raise Refused("an application is a list of verbs")
        self.verbs = tuple(_read_all(verbs))
        self.place: Final = place
        faults = list(_misplaced(self.verbs, place, top_level_transcribe=top_level_transcribe))
        if faults:
            raise Refused(*faults)

    @property
    def passed_through(self) -> tuple[str, ...]:
        """What is passed on unchecked: verbs, and targets of dial as `dial:TYPE`."""
        raw = [verb.name for verb in self.verbs if isinstance(verb, Raw)]
        targets = [
            f"dial:{target.type}"
            for verb in self.verbs
            if isinstance(verb, Dial)
            for target in verb.target
            if isinstance(target, OtherTarget)
        ]
        return tuple(dict.fromkeys([*raw, *targets]))

    def write(self, addresses: Addresses = NOWHERE) -> list[dict[str, Any]]:
        """Return what goes to jambonz, as JSON values."""
        return [verb.write(addresses) for verb in self.verbs]

    def encode(self, addresses: Addresses = NOWHERE) -> bytes:
        """Return what goes to jambonz, as JSON. Raises Refused for NaN and the infinities."""
        return encode(self.write(addresses))

    def __len__(self) -> int:
        return len(self.verbs)

    def __repr__(self) -> str:
        return f"Application({', '.join(_name(verb) for verb in self.verbs)})"


def encode(value: object) -> bytes:
    """Return JSON in UTF-8. Raises Refused for what JSON does not have."""
    try:
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise Refused(f"it has no form in JSON ({type(error).__name__})") from None


def _read_all(verbs: Iterable[object]) -> Iterator[Verb]:
    read: list[Verb] = []
    faults: list[str] = []
    for number, given in enumerate(verbs, start=1):
        try:
            read.append(read_verb(given, f"verb {number}"))
        except Refused as refused:
            faults += refused.faults
    if faults:
        raise Refused(*faults)
    yield from read


def _name(verb: Verb) -> str:
    return verb.name if isinstance(verb, Raw) else verb.verb


def _misplaced(
    verbs: tuple[Verb, ...], place: Place, *, top_level_transcribe: bool
) -> Iterator[str]:
    for number, verb in enumerate(verbs, start=1):
        name = _name(verb)
        allowed = _ALLOWED.get(place)
        if allowed is not None and name not in allowed:
            yield f"verb {number} ({name}): {_WHO[place]} takes {', '.join(allowed)} only"
        elif isinstance(verb, Transcribe) and not top_level_transcribe:
            yield (
                f"verb {number} (transcribe): transcribe stands inside of dial or listen "
                "(`top_level_transcribe=True` for servers that take it alone)"
            )
        elif isinstance(verb, Dequeue) and verb.confirm_hook is not None:
            yield (
                f"verb {number} (dequeue): the reference names `confirmHook`, but no server of "
                "today knows it, and each would refuse the whole application"
            )
        elif isinstance(verb, SipDecline):
            yield from _declined(verbs, number, place)


def _declined(verbs: tuple[Verb, ...], number: int, place: Place) -> Iterator[str]:
    if place != "call":
        yield f"verb {number} (sip:decline): this call is answered, so it cannot be declined"
    if number < len(verbs):
        yield f"verb {number} (sip:decline): nothing is executed after it, so it must be last"
    answering = next((verb for verb in verbs[: number - 1] if not _leaves_unanswered(verb)), None)
    if answering is not None:
        yield (
            f"verb {number} (sip:decline): {_name(answering)} before it answers the call; only "
            "verbs with `earlyMedia` may come first"
        )


def _leaves_unanswered(verb: Verb) -> bool:
    match verb:
        case Say() | Play() | Gather() | Listen() | Transcribe() | Config():
            return bool(verb.early_media)
        case Dial():
            return verb.answer_on_bridge
        case Pause() | Tag() | Raw():
            return True
        case _:
            return False
