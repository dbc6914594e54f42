"""`messages delete | undelete | hold | release`: what can be taken back. erasing.py cannot."""

from datetime import UTC, datetime
from typing import Literal

from listen_server.commands.naming import (
    MailboxName,
    MessageIds,
    each,
    end,
    mailbox_of,
)
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.voicemail import ACTOR, SinkName, TenantName, run, tenant_of
from listen_server.errors import ConfigError
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.audit import AuditEvent, Result
from listen_sinks.voicemail.index.errors import OnHold
from listen_sinks.voicemail.index.holds import hold_mailbox, hold_message
from listen_sinks.voicemail.index.mailboxes import get_mailbox
from listen_sinks.voicemail.index.messages import delete_message, undelete_message
from listen_sinks.voicemail.index.tenants import list_tenants
from listen_sinks.voicemail.policies import effective_settings

_NAME_THEM = "say which: ids of messages"


def delete(
    ids: MessageIds = None,
    *,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Delete messages. For a while `undelete` brings them back; then they are erased."""
    if not ids:
        raise ConfigError(_NAME_THEM)

    async def work(store: Access) -> list[str]:
        async def one(message: str) -> str:
            found = await store.find(message)
            try:
                await delete_message(store.database, found.tenant, message, datetime.now(UTC))
            except OnHold:
                await _note(store, "delete", message, "refused")
                raise
            await _note(store, "delete", message)
            days = await _grace(store, found.tenant, found.mailbox)
            return f"{message} is deleted; it can be taken back for {days:g} day(s)"

        refused: list[str] = []
        await each(ids, one, refused)
        return refused

    end(run(work, config, data_dir, sink))


def undelete(
    ids: MessageIds = None,
    *,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Take a deletion back, as long as the mailbox's rules allow it."""
    if not ids:
        raise ConfigError(_NAME_THEM)

    async def work(store: Access) -> list[str]:
        async def one(message: str) -> str:
            tenant = (await store.find(message)).tenant
            found = await undelete_message(store.database, tenant, message, datetime.now(UTC))
            await _note(store, "undelete", message)
            return f"{message} is {found.state}"

        refused: list[str] = []
        await each(ids, one, refused)
        return refused

    end(run(work, config, data_dir, sink))


def hold(
    ids: MessageIds = None,
    *,
    mailbox: MailboxName = None,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Put messages on legal hold: nobody and no rule can delete, erase or redact them.

    A mailbox on hold keeps what comes into it, too.
    """

    async def work(store: Access) -> list[str]:
        return await _hold(store, ids, mailbox, tenant, on=True)

    _check(ids, mailbox)
    end(run(work, config, data_dir, sink))


def release(
    ids: MessageIds = None,
    *,
    mailbox: MailboxName = None,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Release messages, or a mailbox, from legal hold. Rules by age count again at once."""

    async def work(store: Access) -> list[str]:
        return await _hold(store, ids, mailbox, tenant, on=False)

    _check(ids, mailbox)
    end(run(work, config, data_dir, sink))


def _check(ids: list[str] | None, mailbox: str | None) -> None:
    if bool(ids) == (mailbox is not None):
        raise ConfigError("say which: ids of messages, or --mailbox with an id or a number")


async def _hold(
    store: Access, ids: list[str] | None, mailbox: str | None, tenant: str | None, *, on: bool
) -> list[str]:
    refused: list[str] = []

    async def one(message: str) -> str:
        owner = (await store.find(message)).tenant
        await hold_message(store.database, store.audit, owner, message, actor=ACTOR, on=on)
        return f"{message} is {'on legal hold' if on else 'not on hold'}"

    async def box(name: str) -> str:
        owner = await tenant_of(store, tenant)
        found = (await mailbox_of(store, owner, name)).id
        await hold_mailbox(store.database, store.audit, owner.id, found, actor=ACTOR, on=on)
        if on:
            return f"mailbox {found} is on legal hold, with all that is and will be in it"
        return f"mailbox {found} is not on hold; messages that are on hold themselves stay so"

    await each(ids or (), one, refused)
    await each([mailbox] if mailbox else (), box, refused)
    return refused


async def _grace(store: Access, tenant: str, mailbox: str) -> float:
    own = (await get_mailbox(store.database, tenant, mailbox)).settings
    general = {one.id: one.settings for one in await list_tenants(store.database)}
    return effective_settings({**general.get(tenant, {}), **own}).undelete_days


async def _note(
    store: Access, verb: Literal["delete", "undelete"], message: str, result: Result = "ok"
) -> None:
    await store.audit.note(store.database, AuditEvent(verb, ACTOR, message, result))
