"""What a mailbox's settings mean for its messages: decisions only, no database and no clock.

index/retention.py and the sink carry them out. A legal hold is asked for first, everywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from listen_sinks.voicemail.index.records import MessageState, Usage

_Days = Annotated[float, Field(ge=0, le=36_500)]
_Id = Annotated[str, Field(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]

KEPT: Final[tuple[MessageState, ...]] = ("new", "heard", "saved")
"""The states of a message that somebody may listen to."""


class MailboxSettings(BaseModel):
    """The settings of a mailbox: what becomes of its messages, and of who calls it.

    Others may lie beside them; what tells about a person lies in its profile (profile.py).

    None means no limit, for ever. What a mailbox does not set, its tenant decides; to keep for
    longer than that, it sets a large number.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    min_seconds: Annotated[float, Field(ge=0)] = 0.0
    """Shorter messages are discarded; that there was one is recorded."""
    max_messages: Annotated[int, Field(ge=0)] | None = None
    """How many messages a mailbox holds; deleted ones do not count."""
    max_total_seconds: Annotated[float, Field(ge=0)] | None = None
    """How long all its messages are, together."""
    keep_new_days: _Days | None = None
    """How long a message that nobody has heard is kept."""
    keep_heard_days: _Days | None = None
    """How long a message is kept after it was heard."""
    keep_saved_days: _Days | None = None
    """How long a message is kept after it was saved."""
    undelete_days: _Days = 7.0
    """How long a deletion can be taken back; then the message is erased."""

    review: bool = False
    """Callers may hear what they have said, and say it again."""
    announce_recording: bool = False
    """Callers are told that they are recorded, before they are."""
    max_seconds: Annotated[int, Field(ge=1, le=7200)] | None = None
    """How long a message may be; None: as long as the server allows."""
    call_back: bool = False
    """The owner may have a caller called back, by phone; the server allows to which numbers."""
    time_zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]{1,64}$")] | None = None
    """Where the owner is, such as `Europe/Berlin`: dates are said so; None: as the server does."""
    transcribe_by_jambonz: bool = False
    """jambonz transcribes, too: the caller's voice goes to the engine that is set there."""
    notify: bool = True
    """Whoever the profile names is told of messages by mail."""
    attach_audio: bool = False
    """The mail has the message itself, which then is in the clear wherever mail lies."""
    greeting: _Id | None = None
    """Id of the message that is the greeting; commands and the owner's phone set it."""
    temporary_greeting: _Id | None = None
    """Id of the one that is heard instead, as long as it is named here."""


NOT_BY_HAND: Final = frozenset({"greeting", "temporary_greeting"})
"""Settings that follow from what is recorded."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What retention has to know about a message."""

    message: str
    state: MessageState
    recorded_at: datetime
    state_changed_at: datetime
    held: bool  # by a legal hold, its own or the mailbox's


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What to do now. No message is in both: between the two lies the grace period."""

    delete: tuple[str, ...] = ()  # can be taken back
    erase: tuple[str, ...] = ()  # cannot


def read_settings(values: Mapping[str, Any]) -> MailboxSettings:
    """Read settings that somebody sets. Raises ValueError, naming each that is wrong."""
    return MailboxSettings.model_validate(dict(values))


def effective_settings(values: Mapping[str, Any]) -> MailboxSettings:
    """Read settings that are stored. What this version cannot read has its default."""
    try:
        return read_settings(values)
    except ValidationError as error:
        wrong = {fault["loc"][0] for fault in error.errors(include_input=False)}
        return read_settings({name: value for name, value in values.items() if name not in wrong})


def is_too_short(settings: MailboxSettings, seconds: float) -> bool:
    """Say whether a message of this length is to be discarded."""
    return seconds < settings.min_seconds


def has_quota(settings: MailboxSettings) -> bool:
    """Say whether a mailbox can be full at all."""
    return settings.max_messages is not None or settings.max_total_seconds is not None


def is_full(settings: MailboxSettings, usage: Usage | None) -> bool:
    """Say whether a mailbox has no room for one more message, however short."""
    held = usage or Usage(0, 0.0)
    if settings.max_messages is not None and held.messages >= settings.max_messages:
        return True
    return settings.max_total_seconds is not None and held.seconds >= settings.max_total_seconds


def seconds_left(settings: MailboxSettings, usage: Usage) -> float | None:
    """Return how long the next message may be; None if there is no limit."""
    if is_full(settings, usage):
        return 0.0
    if settings.max_total_seconds is None:
        return None
    return settings.max_total_seconds - usage.seconds


def can_be_undeleted(settings: MailboxSettings, deleted_at: datetime, now: datetime) -> bool:
    """Say whether a deletion can still be taken back."""
    return now < deleted_at + timedelta(days=settings.undelete_days)


def plan_retention(
    candidates: Iterable[Candidate], settings: MailboxSettings, now: datetime
) -> RetentionPlan:
    """Decide which messages have been kept long enough.

    Age counts from the latest moment known of a message: a clock that was wrong when a call came
    in can make it stay longer, not shorter. A clock that is ahead now can cost the time to take a
    deletion back, but never both steps at once: what it deletes is erased a grace period later.
    """
    delete: list[str] = []
    erase: list[str] = []
    for one in candidates:
        if one.held:
            continue
        if one.state in ("deleted", "discarded"):
            if not can_be_undeleted(settings, _latest(one), now):
                erase.append(one.message)
        elif _is_over(one, settings, now):
            delete.append(one.message)
    return RetentionPlan(tuple(delete), tuple(erase))


def horizon(settings: MailboxSettings, state: MessageState, now: datetime) -> datetime | None:
    """Return when a message has to have come into a state to be due now; None if none ever is."""
    days = settings.undelete_days if state in ("deleted", "discarded") else _days(settings, state)
    return None if days is None else now - timedelta(days=days)


def _is_over(one: Candidate, settings: MailboxSettings, now: datetime) -> bool:
    days = _days(settings, one.state)
    return days is not None and now >= _latest(one) + timedelta(days=days)


def _days(settings: MailboxSettings, state: MessageState) -> float | None:
    return {
        "new": settings.keep_new_days,
        "heard": settings.keep_heard_days,
        "saved": settings.keep_saved_days,
    }.get(state)


def _latest(one: Candidate) -> datetime:
    return max(one.recorded_at, one.state_changed_at)
