"""The demo's mailbox: made before the server starts, so that it is there when somebody calls."""

import asyncio
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from ulid import ULID

from listen_server.admission import OPEN_TENANT
from listen_server.plugins import configure_sinks
from listen_server.settings import Settings
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.access import Access, access
from listen_sinks.voicemail.index.mailboxes import add_mailbox, find_mailbox
from listen_sinks.voicemail.index.records import Mailbox
from listen_sinks.voicemail.index.tenants import ensure_tenant
from listen_sinks.voicemail.keys import create_key
from listen_sinks.voicemail.pins import PinRefused, Pins, judge
from listen_sinks.voicemail.profile import Profiles

NUMBER: Final = "+15550100002"
"""Of the mailbox, and of its owner's telephone."""
_GREETING: Final = "This is Anna Berg. I cannot take your call. Please speak after the tone."
_PIN_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class DemoMailbox:
    """A mailbox with a PIN, as long as its store is open."""

    plugin: Voicemail
    store: Access
    mailbox: Mailbox
    pin: str = field(repr=False)


async def open_mailbox(settings: Settings, opened: AsyncExitStack) -> DemoMailbox:
    """Find the mailbox, or make it, and give it a new PIN.

    Raises SinkError, KeysAway, IndexAway.
    """
    sinks = await asyncio.to_thread(configure_sinks, settings)
    plugin = sinks["voicemail"].plugin
    assert isinstance(plugin, Voicemail)  # noqa: S101 - the demo's own settings
    store = await opened.enter_async_context(access(plugin))
    mailbox = await _mailbox(store)
    profile = {"name": "Anna Berg", "greeting": _GREETING}
    await Profiles(store.database, store.root).change(OPEN_TENANT, mailbox.id, profile)
    pin = _pin()
    await Pins(store.database, store.secret).set(mailbox.id, pin, must_change=False)
    return DemoMailbox(plugin, store, mailbox, pin)


async def _mailbox(store: Access) -> Mailbox:
    tenant = await ensure_tenant(store.database, OPEN_TENANT)
    number = store.numbers(tenant).mailbox(NUMBER)
    if found := await find_mailbox(store.database, OPEN_TENANT, number):
        return found
    key = await create_key(await store.root.provider(), str(ULID()))
    return await add_mailbox(store.database, OPEN_TENANT, key, addresses=[number])


def _pin() -> str:
    """Make a PIN by chance that is not one of those which everybody guesses."""
    while True:
        pin = "".join(secrets.choice("0123456789") for _ in range(_PIN_DIGITS))
        try:
            judge(pin)
        except PinRefused:
            continue
        return pin
