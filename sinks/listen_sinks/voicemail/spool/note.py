"""What is written beside the audio of a message: how it began, and how it ended.

JSON, without a word about a person: what is personal is sealed, what is found by is hashed.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from listen_codecs.formats import AudioFormat
from listen_sinks.voicemail.labels import check_number, check_ulid

VERSION: Final = 1

State: TypeAlias = Literal["complete", "interrupted", "failed", "discarded"]
Kind: TypeAlias = Literal["message", "greeting"]
Values: TypeAlias = Mapping[str, bytes]
"""Small sealed values by their label: `meta`, `peaks`."""


class BadNote(ValueError):  # noqa: N818 - the name is the fault
    """A file of the spool does not say what it should."""


@dataclass(frozen=True, slots=True)
class Note:
    """How a message began: durable before its first sample is taken."""

    message: str  # ULID
    part: int
    mailbox: str  # ULID
    key_version: int
    kem: str
    envelope: bytes
    format: AudioFormat
    started_at: datetime  # UTC
    caller: str | None = None  # keyed hash of the caller's number
    least_seconds: float = 0.0
    """A shorter message is discarded."""
    unwanted: str | None = None
    """Why it is discarded, however long it is; a phrase of ours."""
    values: Values = field(default_factory=dict)
    ticket: str | None = None
    """ULID that whoever sent the caller finds the message by."""
    kind: Kind = "message"
    """A greeting is what callers are to hear, and is kept however short it is."""

    def discarded(self, frames: int) -> str | None:
        """Say why a message of so many samples per channel is discarded, or None."""
        if self.unwanted:
            return self.unwanted
        short = self.format.seconds(frames) < self.least_seconds
        return f"shorter than {self.least_seconds:g} s" if short else None

    def encode(self) -> bytes:
        """Return it as JSON."""
        return _encoded(
            message=self.message,
            part=self.part,
            mailbox=self.mailbox,
            key_version=self.key_version,
            kem=self.kem,
            envelope=_text(self.envelope),
            sample_rate=self.format.sample_rate,
            mix=self.format.mix,
            started_at=self.started_at.astimezone(UTC).isoformat(),
            caller=self.caller,
            least_seconds=self.least_seconds,
            unwanted=self.unwanted,
            values=_texts(self.values),
            ticket=self.ticket,
            kind=self.kind,
        )


@dataclass(frozen=True, slots=True)
class End:
    """How a message ended."""

    state: State
    reason: str  # a phrase of ours
    ended_at: datetime  # UTC
    frames: int = 0  # of audio kept
    caller: str | None = None  # where it was not known at the beginning
    values: Values = field(default_factory=dict)
    """Values that take the place of the note's."""

    def encode(self) -> bytes:
        """Return it as JSON."""
        return _encoded(
            state=self.state,
            reason=self.reason,
            ended_at=self.ended_at.astimezone(UTC).isoformat(),
            frames=self.frames,
            caller=self.caller,
            values=_texts(self.values),
        )


def encode_values(values: Values) -> bytes:
    """Return values that came while the call was on, as JSON."""
    return _encoded(values=_texts(values))


def decode_note(data: bytes) -> Note:
    """Read a note. Raises BadNote."""
    found = _decoded(data)
    try:
        return Note(
            message=check_ulid(found["message"]),
            part=check_number(found["part"]),
            mailbox=check_ulid(found["mailbox"]),
            key_version=check_number(found["key_version"], least=1),
            kem=_string(found["kem"]),
            envelope=_bytes(found["envelope"]),
            format=AudioFormat(found["sample_rate"], found["mix"]),
            started_at=datetime.fromisoformat(found["started_at"]),
            caller=_optional(found["caller"]),
            least_seconds=float(found["least_seconds"]),
            unwanted=_optional(found["unwanted"]),
            values=_values(found),
            ticket=_ticket(found.get("ticket")),
            kind=_kind(found.get("kind", "message")),
        )
    except (ValueError, TypeError, LookupError, AttributeError):
        raise BadNote("a note in the spool is damaged") from None


def decode_end(data: bytes) -> End:
    """Read an end. Raises BadNote."""
    found = _decoded(data)
    try:
        if found["state"] not in get_args(State):
            raise BadNote("a message ended in a state that this version does not know")
        return End(
            state=found["state"],
            reason=_string(found["reason"]),
            ended_at=datetime.fromisoformat(found["ended_at"]),
            frames=check_number(found["frames"]),
            caller=_optional(found["caller"]),
            values=_values(found),
        )
    except (ValueError, TypeError, LookupError, AttributeError):
        raise BadNote("the end of a message in the spool is damaged") from None


def decode_values(data: bytes) -> Values:
    """Read values that came while the call was on. Raises BadNote."""
    try:
        return _values(_decoded(data))
    except (ValueError, TypeError, LookupError, AttributeError):
        raise BadNote("values of a message in the spool are damaged") from None


def _encoded(**content: Any) -> bytes:
    return json.dumps({"v": VERSION, **content}, separators=(",", ":")).encode() + b"\n"


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("v") != VERSION:
        raise BadNote("a file in the spool is damaged, or of another version")
    return found


def _values(found: Mapping[str, Any]) -> Values:
    return {_string(name): _bytes(value) for name, value in found["values"].items()}


def _ticket(value: object) -> str | None:
    return None if value is None else check_ulid(_string(value))


def _kind(value: object) -> Kind:
    for known in get_args(Kind):
        if value == known:
            return cast("Kind", known)
    raise BadNote("a note in the spool is of a kind that this version does not know")


def _optional(value: object) -> str | None:
    return None if value is None else _string(value)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise BadNote("a file in the spool says a number where a word should be")
    return value


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _texts(values: Values) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items()}
