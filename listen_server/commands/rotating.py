"""Rotating and retiring the keys of mailboxes: what keys.py's commands do, and say of it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

from listen_server.commands.naming import confirm
from listen_server.commands.voicemail import ACTOR
from listen_server.errors import ConfigError
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.errors import KeyChanged
from listen_sinks.voicemail.index.mailbox_keys import (
    RetiredKeys,
    add_key,
    get_key,
    list_keys,
    replace_wrapped,
    retire_keys,
)
from listen_sinks.voicemail.index.mailboxes import get_mailbox
from listen_sinks.voicemail.index.parts import list_message_keys, replace_message_key
from listen_sinks.voicemail.index.records import Mailbox, SealedKey
from listen_sinks.voicemail.keys import (
    MailboxKey,
    PublicKey,
    WrongKey,
    reseal,
    rewrap_all,
    rotate_mailbox,
    unlock,
)
from listen_sinks.voicemail.keys.file import FileKeys
from listen_sinks.voicemail.profile import reseal_profile
from listen_sinks.voicemail.waiting import waiting_for

KNOWN: Final = 60.0  # seconds, at least, until every receiver seals to a new key


async def rotate_root(store: Access) -> str:
    """Wrap the keys of all mailboxes under a new root; return what was done."""
    provider = await store.root.provider()
    await prove_root(store)
    if isinstance(provider, FileKeys):
        for notice in await provider.rotate():
            typer.echo("; ".join([notice.event, *notice.fields.values()]), err=True)
    done, left = 0, []
    async for one in rewrap_all(provider, await list_keys(store.database)):
        if one.new is None:
            left.append(one.old.public)
            continue
        await replace_wrapped(store.database, one.old, one.new)
        await _changed(store, one.old.public.mailbox)
        done += 1
    if not await store.database.compact():  # what the old root wrapped leaves the files
        _not_scrubbed()
    for public in left:
        typer.echo(f"mailbox {public.mailbox}, version {public.version} does not open", err=True)
    if left:
        raise typer.Exit(1)
    return f"{done} mailbox key(s) are wrapped under the newest root"


async def rotate_key(store: Access, mailbox: Mailbox) -> str:
    """Make the next key of a mailbox, and seal to it what is stored; return what was done."""
    newest = await _newest(store, mailbox)
    new = await rotate_mailbox(await store.root.provider(), newest.public)
    await add_key(store.database, new)
    await _changed(store, mailbox.id)
    resealed = await _reseal_all(store, mailbox, new.public)
    return (
        f"mailbox {mailbox.id} is at version {new.public.version}; "
        f"the keys of {resealed} message part(s) are sealed to it"
    )


async def retire_old(store: Access, mailbox: Mailbox) -> list[str]:
    """Destroy what is not needed any more, and say of each version what became of it."""
    mailbox = await get_mailbox(store.database, mailbox.tenant, mailbox.id)
    newest = await _newest(store, mailbox)
    waiting = await asyncio.to_thread(waiting_for, store.spool, mailbox.id)
    waiting.pop(mailbox.key_version, None)
    if waiting:
        raise ConfigError(
            f"{waiting.total()} message(s) in the spool of this machine are sealed to an old key "
            f"of mailbox {mailbox.id}: run `listen-server keys retire` when they are shipped"
        )
    await _reseal_all(store, mailbox, newest.public)
    known = timedelta(seconds=max(KNOWN, 3 * store.config.refresh_interval))
    before = datetime.now(UTC) - known
    retired = await retire_keys(store.database, mailbox.id, replaced_before=before)
    if retired.destroyed:
        await _changed(store, mailbox.id)
    return list(_told(retired, known))


def ask(*, yes: bool) -> None:
    """Tell what destroying old keys means, and go on only if that is meant."""
    confirm(
        "Messages that wait in the spool of another machine, or lie in a backup, and are sealed "
        "to an old key will never open. Destroy old keys?",
        yes=yes,
    )


async def scrub(store: Access) -> None:
    """Get keys that were replaced or destroyed out of the database's files, too."""
    if not await store.database.scrub():
        _not_scrubbed()


async def prove_root(store: Access) -> None:
    """Refuse to wrap anything under a root that opens nothing of what is stored."""
    fault: WrongKey | None = None
    for key in await list_keys(store.database):
        try:
            await unlock(await store.root.provider(), key)
        except WrongKey as error:
            fault = error
        else:
            return
    if fault is not None:
        raise WrongKey(f"{fault}: this root opens no mailbox that there is; put the right one back")


async def _newest(store: Access, mailbox: Mailbox) -> MailboxKey:
    """Return the newest key of a mailbox, proven to open: what is sealed to it can be read."""
    newest = await get_key(store.database, mailbox.id, mailbox.key_version)
    if newest is None:
        raise WrongKey(f"mailbox {mailbox.id} has no key any more")
    await unlock(await store.root.provider(), newest)
    return newest


async def _reseal_all(store: Access, mailbox: Mailbox, to: PublicKey) -> int:
    """Seal the profile and all envelopes to a version; return how many envelopes."""
    try:
        await reseal_profile(store.database, await store.root.provider(), mailbox.tenant, to)
    except (WrongKey, KeyChanged) as error:
        typer.echo(f"the profile of mailbox {mailbox.id}: {error}", err=True)
    older = await list_keys(store.database, to.mailbox)
    return sum([await _reseal(store, old, to) for old in older if old.public.version < to.version])


async def _reseal(store: Access, old: MailboxKey, to: PublicKey) -> int:
    """Seal envelopes to another version, as long as there are some that open."""
    try:
        private = await unlock(await store.root.provider(), old)
    except WrongKey as error:
        typer.echo(f"version {old.public.version} does not open: {error}", err=True)
        return 0
    done, before = 0, -1
    while done > before:
        before = done
        public = old.public
        for one in await list_message_keys(store.database, public.mailbox, public.version):
            try:
                envelope = reseal(one.envelope, private, to, one.message, one.part)
            except WrongKey as error:
                typer.echo(f"message {one.message}, part {one.part}: {error}", err=True)
                continue
            new = SealedKey(one.message, one.part, to.mailbox, to.version, envelope)
            await replace_message_key(store.database, one, new)
            done += 1
    return done


def _told(retired: RetiredKeys, known: timedelta) -> Iterator[str]:
    for version in retired.destroyed:
        yield f"version {version} is destroyed"
    for version in retired.needed:
        yield f"version {version} stays: messages, or a profile, that do not open are sealed to it"
    for version in retired.fresh:
        yield (
            f"version {version} stays for now: calls that are on may be sealed to it. "
            f"`listen-server keys retire` destroys it, {known.seconds} seconds from now or later"
        )
    if not (retired.destroyed or retired.needed or retired.fresh):
        yield "there is no old key"


async def _changed(store: Access, mailbox: str) -> None:
    await store.audit.note(store.database, AuditEvent("change", ACTOR, mailbox))


def _not_scrubbed() -> None:
    typer.echo(
        "old keys may still be in the database's files, because somebody else read them all the "
        "time: `listen-server messages tidy` tries again",
        err=True,
    )
