"""What a mail tells, read out of the store when it is written. mailer.py has it sent.

    event -> wanted? -> words there yet? -> Letter, and the audio if it goes with it

Everything that is opened for a mail is in the audit log, with the actor `mail`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from listen_sinks.mail.config import MailSettings, read_address
from listen_sinks.mail.letter import Letter
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.errors import WrongState
from listen_sinks.voicemail.index.messages import message_row, settings_of
from listen_sinks.voicemail.index.parts import get_values, list_parts
from listen_sinks.voicemail.index.transcripts import WHOLE
from listen_sinks.voicemail.playback import Playback
from listen_sinks.voicemail.policies import KEPT, MailboxSettings, effective_settings
from listen_sinks.voicemail.profile import Profile, Profiles
from listen_sinks.voicemail.store import MessageStore
from listen_sinks.voicemail.transcribing import transcripts
from listen_sinks.webhook.events import Event

log = structlog.get_logger(__name__)

ACTOR: Final = "mail"
"""Who opens messages for that, as the audit log has it."""
MOST_AUDIO: Final = 10 * 2**20
"""Bytes of a WAV file that are attached; of a longer message there is the link."""
_FIRST_WAIT: Final = 2.0  # seconds; then twice as long

Link: TypeAlias = Callable[[str, str, str, timedelta], str]
"""Makes the address at which a message of a tenant, in a mailbox, is heard for so long."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A mail that somebody wants."""

    tenant: str
    mailbox: str
    message: str
    event: Event
    settings: MailboxSettings
    time_zone: object  # as the mailbox's settings have it, if they do
    profile: Profile
    to: tuple[str, ...] = field(repr=False)


class MailReader:
    """Reads messages of one index. `words_may_come`: an engine is at work.

    Methods raise KeysAway, IndexAway, ObjectsAway, SinkError; UnknownMessage, UnknownMailbox and
    WrongState if the message is gone; WrongKey if the profile does not open.
    """

    def __init__(
        self,
        settings: MailSettings,
        access: Access,
        *,
        link: Link | None = None,
        words_may_come: bool = True,
        time_zone: str = "UTC",
    ) -> None:
        self._settings = settings
        self._access = access
        self._link = link if settings.link_hours else None
        self._words_may_come = words_may_come
        self._time_zone = time_zone
        self._profiles = Profiles(access.database, access.root)
        self._store: MessageStore | None = None

    async def wanted(self, event: Event) -> Wanted | None:
        """Return who is to be told of a message that has come; None if nobody is."""
        tenant, message = event.tenant or "", event.data["message"]
        async with self._access.database.reading() as session:
            row = await message_row(session, tenant, message)
            if row.state not in KEPT:
                raise WrongState(f"message {message} is {row.state}")
            mailbox, values = row.mailbox, await settings_of(session, row)
        settings = effective_settings(values)
        if not settings.notify:
            return None
        profile = await self._profiles.read(tenant, mailbox)
        to, zone = _addresses(profile), values.get("time_zone")
        return Wanted(tenant, mailbox, message, event, settings, zone, profile, to) if to else None

    async def wait(self, mail: Wanted, now: datetime) -> float:
        """Return for how many seconds a mail is put off: its words may be there then."""
        waited = (now - mail.event.at).total_seconds()
        left = self._settings.wait_for_transcript - waited
        if left <= 0 or not self._expects_words(mail):
            return 0.0
        database = self._access.database
        for part in await list_parts(database, mail.tenant, mail.message):
            if WHOLE in await get_values(database, mail.message, part.part):
                return 0.0
        return min(max(waited, _FIRST_WAIT), left)

    async def letter(self, mail: Wanted, now: datetime) -> Letter:
        """Read what a mail tells."""
        store, life = await self._reader(), timedelta(hours=self._settings.link_hours)
        zone = await asyncio.to_thread(_zone, mail.time_zone, self._time_zone)
        described = await store.describe(mail.tenant, mail.message, actor=ACTOR)
        words = await self._words(mail, store)
        call = (described.meta or {}).get("call") or {}
        caller = call.get("from") if self._settings.show_caller else None
        link = self._link(mail.tenant, mail.mailbox, mail.message, life) if self._link else None
        return Letter(
            id=mail.event.id,
            sender=self._settings.sender,
            to=mail.to,
            written_at=now,
            began_at=described.message.started_at.astimezone(zone),
            seconds=described.message.seconds,
            broken_off=described.message.outcome != "complete",
            mailbox=mail.profile.name,
            caller=str(caller) if caller else None,
            words=words[0],
            all_words=words[1],
            words_may_come=self._expects_words(mail),
            link=link,
            link_until=(now + life).astimezone(zone) if link else None,
        )

    async def audio(self, mail: Wanted) -> Playback | None:
        """Open the message to be attached; None if it is not to be, or cannot be in a mail."""
        if not mail.settings.attach_audio:
            return None
        store = await self._reader()
        playback = await store.open(mail.tenant, mail.message, actor=ACTOR, reading="export")
        fits = playback.frames > 0 and playback.wav_bytes <= MOST_AUDIO
        return playback if fits else None

    async def _words(self, mail: Wanted, store: MessageStore) -> tuple[str | None, bool]:
        """Return what was understood, None if nothing was yet, and whether it is all there is."""
        database = self._access.database
        found = await transcripts(store, database, mail.tenant, mail.message, actor=ACTOR)
        texts = [one.transcript.text() for one in found]
        complete = all(one.transcript.complete for one in found)
        return ("\n".join(texts) if texts else None), complete

    def _expects_words(self, mail: Wanted) -> bool:
        return self._words_may_come or mail.settings.transcribe_by_jambonz

    async def _reader(self) -> MessageStore:
        if self._store is None:
            self._store = await self._access.store()
        return self._store


def _addresses(profile: Profile) -> tuple[str, ...]:
    """Return to whom a mail can go: a profile takes more than a line of SMTP does."""
    found = []
    for one in profile.emails:
        try:
            found.append(read_address(one).addr_spec)
        except ValueError:
            log.warning("an address of a mailbox is none that mail can go to")
    return tuple(dict.fromkeys(found))


def _zone(*names: object) -> tzinfo:
    """Return the first time zone that this machine knows. Reads a file."""
    for name in names:
        with suppress(ZoneInfoNotFoundError, ValueError, OSError, TypeError):
            return ZoneInfo(name)  # type: ignore[arg-type] # what a setting holds; else it is none
    return UTC
