"""What others can be told of, and what each event carries. ../voicemail/index/outbox.py keeps it.

Ids, states, moments, sizes, and words of ours: an event lies in the database in the clear, and
goes to a stranger. Who needs more fetches it, with a credential of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias, get_args

from ulid import ULID

EventType: TypeAlias = Literal[
    "message.received",
    "message.transcribed",
    "message.erased",
    "mailbox.counts",
    "recording.saved",
    "recording.failed",
    "stream.rejected",
]
TYPES: Final[tuple[EventType, ...]] = get_args(EventType)


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(ULID())


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened. The functions below make them."""

    type: EventType
    about: str  # id of what it is about: such events are delivered in their order
    tenant: str | None  # whose; None if it is the whole server's
    data: Mapping[str, Any]
    at: datetime = field(default_factory=_now)
    id: str = field(default_factory=_new_id)  # the same each time it is delivered

    def body(self) -> str:
        """Return the JSON that is signed and delivered (Standard Webhooks, "Payload structure")."""
        own = {} if self.tenant is None else {"tenant": self.tenant}
        told = {"type": self.type, "timestamp": moment(self.at), "data": {**own, **self.data}}
        return json.dumps(told, separators=(",", ":"))


def message_received(  # noqa: PLR0913 - every parameter is a key of the event
    *,
    tenant: str,
    mailbox: str,
    message: str,
    part: int,
    outcome: str,
    reason: str,
    started_at: datetime,
    ended_at: datetime,
    seconds: float,
    size: int,
) -> Event:
    """Tell that a part of a message is in the store and in the index; `size` is in bytes."""
    data = {
        "message": message,
        "part": part,
        "mailbox": mailbox,
        "outcome": outcome,
        "reason": reason,
        "started_at": moment(started_at),
        "ended_at": moment(ended_at),
        "seconds": round(seconds, 3),
        "size": size,
    }
    return Event("message.received", message, tenant, data)


def message_transcribed(
    *, tenant: str, mailbox: str, message: str, part: int, engine: str
) -> Event:
    """Tell that a transcript of a message is kept, sealed, with the part of this number."""
    data = {"message": message, "part": part, "mailbox": mailbox, "engine": engine}
    return Event("message.transcribed", message, tenant, data)


def message_erased(
    *, tenant: str, mailbox: str | None, message: str, erasure: str, kind: str, whole: bool
) -> Event:
    """Tell that nothing opens a message any more, or, if not `whole`, what was taken out of it."""
    data = {
        "message": message,
        "mailbox": mailbox,
        "erasure": erasure,
        "kind": kind,
        "whole": whole,
    }
    return Event("message.erased", message, tenant, data)


def mailbox_counts(*, tenant: str, mailbox: str, new: int, heard: int, saved: int) -> Event:
    """Tell how many messages a mailbox has in each state: what a lamp for new ones shows."""
    data = {"mailbox": mailbox, "new": new, "heard": heard, "saved": saved}
    return Event("mailbox.counts", mailbox, tenant, data)


def recording_saved(
    *, tenant: str | None, sink: str, stream: str, state: str, day: str, **amount: float
) -> Event:
    """Tell that a recording is at its place, among those of its day.

    `amount` is `seconds`, `files`, and their `size` in bytes.
    """
    data = {"stream": stream, "sink": sink, "state": state, "day": day, **amount}
    return Event("recording.saved", stream, tenant, data, id=_only(stream, sink))


def recording_failed(
    *, tenant: str | None, sink: str, stream: str, day: str | None, **amount: float
) -> Event:
    """Tell that a stream could not be recorded to its end; there may be files with its beginning.

    `amount` is as above; there is none, and no day, if nothing could be recorded at all.
    """
    data = {"stream": stream, "sink": sink, "day": day, **amount}
    return Event("recording.failed", stream, tenant, data, id=_only(stream, sink))


def stream_rejected(*, reason: str, count: int, since: datetime, until: datetime) -> Event:
    """Tell that connections were refused before they were streams: so many, for one reason."""
    data = {"reason": reason, "count": count, "since": moment(since), "until": moment(until)}
    return Event("stream.rejected", "rejections", None, data)


def moment(at: datetime) -> str:
    """Write a moment as RFC 3339 has it, in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _only(stream: str, sink: str) -> str:
    """Name the one last event of a stream in a sink: told again, it is the same event."""
    return f"{stream}.{sink}"
