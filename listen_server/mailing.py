"""Who tells owners of mailboxes by mail, made from the settings. outbox.py has them told.

What is written, and how it is sent, is listen_sinks/mail; the page that a link leads to is
voicemail/listening_page.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Any, TypeAlias

from listen_server.settings import Settings
from listen_server.voicemail.config import stream_route
from listen_server.voicemail.listening_page import listening_link
from listen_server.voicemail.tokens import PURPOSE, Tokens
from listen_sinks.api import SinkError
from listen_sinks.mail.config import NAME
from listen_sinks.mail.mailer import Mailer
from listen_sinks.mail.reading import Link, MailReader
from listen_sinks.mail.smtp import MailServer
from listen_sinks.transcript.plugin import Transcript
from listen_sinks.voicemail.access import access
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.own_secrets import derived
from listen_sinks.voicemail.plugin import Voicemail
from listen_sinks.webhook.way import Subscriber

OpenMail: TypeAlias = Callable[
    [AsyncExitStack, Settings, str, Sequence[Any]], Awaitable[Mapping[str, Subscriber]]
]


async def open_mail(
    opened: AsyncExitStack, settings: Settings, url: str, plugins: Sequence[Any]
) -> Mapping[str, Subscriber]:
    """Make who tells the owners of the mailboxes in one index; nobody where it has none.

    Raises SinkError for the operator.
    """
    wanted = settings.mail
    found = next((one for one in plugins if _keeps(one, url)), None)
    if wanted is None or found is None:
        return {}
    store = await opened.enter_async_context(access(found))
    reader = MailReader(
        wanted,
        store,
        link=_link(settings, found, store.secret),
        words_may_come=any(isinstance(one, Transcript) for one in plugins),
        time_zone=settings.voicemail.time_zone,
    )
    mailer = Mailer(wanted, MailServer(wanted, settings.data_dir), reader)
    await mailer.open()
    opening = asyncio.create_task(_open_index(store.database), name="open the index for mails")
    opened.push_async_callback(_stopped, opening)
    return {NAME: Subscriber(mailer, wanted)}


async def _open_index(database: Database) -> None:
    """Spare the first mail that; nobody waits for it, and what is away is opened later."""
    with suppress(IndexAway, SinkError):
        await database.open()


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _keeps(plugin: object, url: str) -> bool:
    return isinstance(plugin, Voicemail) and plugin.database_url == url


def _link(settings: Settings, plugin: Voicemail, secret: bytes) -> Link | None:
    """Return what makes links; None where no page could be reached by one."""
    wanted, base = settings.voicemail, settings.public_web_url
    served = stream_route(wanted, settings.routes) is not None
    if base is None or not served or plugin.context.name != wanted.sink:
        return None
    tokens = Tokens(derived(secret, PURPOSE))

    def link(tenant: str, mailbox: str, message: str, life: timedelta) -> str:
        token = listening_link(tokens, tenant, mailbox, message, life.total_seconds())
        return f"{base}{wanted.path}/mail/{token}"

    return link
