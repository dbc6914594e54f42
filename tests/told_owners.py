"""A mailbox whose owner is told by mail, for tests: its store, its messages, whoever writes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mail_receiver import MailReceiver
from stored_messages import TENANT, Kept, kept

from listen_sinks.api import SinkContext
from listen_sinks.mail.config import NAME
from listen_sinks.mail.mailer import Mailer
from listen_sinks.mail.reading import Link, MailReader
from listen_sinks.mail.smtp import MailServer
from listen_sinks.transcript.api import Result
from listen_sinks.transcript.collected import Transcript, encode
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.access import Access, access
from listen_sinks.voicemail.config import VoicemailConfig
from listen_sinks.voicemail.index.event_log import LoggedEvent, Which, list_events
from listen_sinks.voicemail.index.mailboxes import change_mailbox
from listen_sinks.voicemail.index.outbox import Subscription, subscribe
from listen_sinks.voicemail.index.transcripts import put_transcript
from listen_sinks.voicemail.profile import Profiles
from listen_sinks.webhook.deliverer import Deliverer
from listen_sinks.webhook.events import Event
from listen_sinks.webhook.way import Clock, Subscriber

ANN, BEN = "canary-ann-9f1c@example.com", "canary-ben-9f1c@example.com"
OWNER = "canary-owner-9f1c"
WORDS = "canary-words-9f1c <b>call me</b> & tell nobody"


class Uncounted:
    """Counts nothing."""

    def event_tried(self, event_type: str, outcome: str) -> None:
        """Take no notice."""

    def outbox_has(self, outbox: object, backlog: object) -> None:
        """Take no notice."""


@dataclass
class Owner:
    """A mailbox with somebody behind it."""

    box: Kept
    access: Access

    @property
    def mailbox(self) -> str:
        return self.box.key.public.mailbox

    async def wants(self, **settings: Any) -> None:
        await change_mailbox(self.access.database, TENANT, self.mailbox, settings=settings)

    async def has(self, **profile: Any) -> None:
        profiles = Profiles(self.access.database, self.access.root)
        await profiles.change(TENANT, self.mailbox, profile)

    async def said(self, message: str, words: str = WORDS) -> None:
        """Have an engine understand a message."""
        whole = Transcript("null", "en-GB", whole=True)
        whole.add(Result(words, channel=0, start=0.0, end=1.0, is_final=True))
        sealed = await self.box.store.seal_value(
            message, 0, "transcript", encode(whole), actor="operator"
        )
        await put_transcript(self.access.database, message, 0, sealed, engine="null")

    async def mailer(
        self, receiver: MailReceiver, *, link: Link | None = None, **settings: Any
    ) -> Mailer:
        made = await asyncio.to_thread(lambda: receiver.settings(**settings))
        server = MailServer(made, self.box.folder)
        reader = MailReader(made, self.access, link=link, time_zone="Europe/Berlin")
        mailer = Mailer(made, server, reader)
        await mailer.open()
        return mailer

    async def events(self) -> list[LoggedEvent]:
        return await list_events(self.access.database, Which())

    async def event(self) -> Event:
        """Return the newest event that the outbox has."""
        return (await self.events())[0].event

    @asynccontextmanager
    async def told(self, mailer: Mailer, clock: Clock | None = None) -> AsyncIterator[None]:
        """Deliver from the outbox while the block runs."""
        database = self.access.database
        to = {NAME: Subscriber(mailer, mailer.settings)}
        deliverer = Deliverer(database, to, Uncounted(), clock)
        deliverer.start()
        await deliverer.subscribed.wait()
        try:
            yield
        finally:
            await deliverer.close()


@asynccontextmanager
async def an_owner(folder: Path) -> AsyncIterator[Owner]:
    """Make a mailbox whose owner, Ann, wants to be told, as the outbox knows already."""
    context = SinkContext("voicemail", folder)
    plugin = await asyncio.to_thread(lambda: Voicemail(VoicemailConfig(), context))
    async with kept(folder) as box, access(plugin) as opened:
        owner = Owner(box, opened)
        await owner.has(name=OWNER, emails=[ANN])
        wanted = Subscription(("message.received",), None, "0" * 64)
        await subscribe(opened.database, {NAME: wanted})
        yield owner
