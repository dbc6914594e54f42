"""`messages erase | redact`: what cannot be taken back. deleting.py can."""

from collections.abc import Iterator
from typing import Annotated

import typer

from listen_server.commands.naming import (
    MailboxName,
    MessageId,
    MessageIds,
    Yes,
    confirm,
    each,
    end,
    mailbox_of,
    owner_of,
)
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.voicemail import ACTOR, SinkName, TenantName, run, tenant_of
from listen_server.errors import ConfigError
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.erasure import erase_caller, erase_mailbox, erase_message
from listen_sinks.voicemail.index.errors import CatchAllNeeded
from listen_sinks.voicemail.index.records import Receipt
from listen_sinks.voicemail.redacting import Redacting
from listen_sinks.voicemail.resealing import NotRedacted
from listen_sinks.voicemail.silencing import Span


def erase(
    ids: MessageIds = None,
    *,
    caller: Annotated[
        str | None, typer.Option(help="All that a caller left: the number, however it is written.")
    ] = None,
    mailbox: MailboxName = None,
    yes: Yes = False,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Erase messages for ever: their keys are destroyed, then their objects. Prints a receipt.

    A mailbox is erased with its own keys, numbers and rules. What is on legal hold stays.
    """
    if [bool(ids), caller is not None, mailbox is not None].count(True) != 1:
        raise ConfigError("say which: ids of messages, --caller with a number, or --mailbox")
    confirm(f"{_question(ids, caller)} This cannot be taken back.", yes=yes)

    async def work(store: Access) -> list[str]:
        async def message(one: str) -> str:
            owner = await owner_of(store, one, tenant)
            return await _done(store, await erase_message(store.erasures, owner, one, actor=ACTOR))

        async def of_caller(number: str) -> str:
            owner = await tenant_of(store, tenant)
            hashed = store.numbers(owner).caller(number)
            receipt = await erase_caller(store.erasures, owner.id, hashed, actor=ACTOR)
            return await _done(store, receipt)

        async def of_mailbox(name: str) -> str:
            owner = await tenant_of(store, tenant)
            found = (await mailbox_of(store, owner, name)).id
            try:
                receipt = await erase_mailbox(store.erasures, owner.id, found, actor=ACTOR)
            except CatchAllNeeded as error:
                raise CatchAllNeeded(
                    f"mailbox {found} takes the calls that no other is named for: {error} "
                    "(`listen-server mailboxes set OTHER --catch-all`)"
                ) from error
            return await _done(store, receipt)

        refused: list[str] = []
        await each(ids or (), message, refused)
        await each([caller] if caller is not None else (), of_caller, refused)
        await each([mailbox] if mailbox is not None else (), of_mailbox, refused)
        return refused

    end(run(work, config, data_dir, sink))


def redact(
    message: MessageId,
    *,
    start: Annotated[
        float, typer.Option("--from", metavar="SECONDS", help="Where it begins, as it is played.")
    ],
    stop: Annotated[float, typer.Option("--to", metavar="SECONDS", help="Where it ends.")],
    yes: Yes = False,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Erase a range of a message, such as a card number: it is silence then, for ever.

    All else is sealed anew under another key, and the old key is destroyed. Words and pressed
    keys of the range go with it; the outline is made anew.
    """
    try:
        span = Span(start, stop)
    except ValueError as error:
        raise ConfigError(f"--from and --to: {error}") from None
    confirm(f"Erase seconds {start:g} to {stop:g}? This cannot be taken back.", yes=yes)

    async def work(store: Access) -> str:
        tenant = (await store.find(message)).tenant
        redacting = Redacting(await store.store(), store.objects, store.erasures)
        try:
            receipt = await redacting.redact(tenant, message, span, actor=ACTOR)
        except NotRedacted as error:
            raise ConfigError(*error.sentences) from error
        return await _done(store, receipt)

    typer.echo(run(work, config, data_dir, sink))


def _question(ids: list[str] | None, caller: str | None) -> str:
    if ids:
        return f"Erase {len(ids)} message(s)?"
    return "Erase all that this caller left?" if caller is not None else "Erase the mailbox?"


async def _done(store: Access, receipt: Receipt) -> str:
    """Remove what an erasure has left in the store, and return its receipt in words."""
    try:
        await store.remove_objects(receipt)
    except ObjectsAway as error:
        objects = f"still in the store, which is away ({error}): `messages tidy` removes them"
    else:
        objects = "removed from the store" if receipt.objects else "none are left in the store"
    return "\n".join(_told(receipt, objects))


def _told(receipt: Receipt, objects: str) -> Iterator[str]:
    gone = f"{len(receipt.messages)} message(s)"
    if receipt.kind == "redaction":
        gone = f"a range of message {receipt.parts[0][0]}" if receipt.parts else "a range"
    if receipt.kind == "mailbox":
        gone = f"mailbox {receipt.mailbox}, {gone}"
    yield f"erasure {receipt.erasure}: {gone}, {receipt.keys_destroyed} key(s) destroyed"
    yield f"  at       {receipt.at:%Y-%m-%d %H:%M:%S} UTC"
    for message in receipt.messages:
        yield f"  message  {message}"
    for message in receipt.held:
        yield f"  kept     {message}: it is on legal hold"
    if receipt.kind == "caller":
        yield "  later    what comes into the index only now is not among them: run it again"
    yield f"  keys     {_keys(receipt)}"
    yield f"  objects  {objects}"
    audit = receipt.audit
    yield f"  audit    chain {audit.chain}, entry {audit.number}, {audit.hash[:16]}..."


def _keys(receipt: Receipt) -> str:
    if not receipt.keys_destroyed:
        return "none were left"
    if receipt.scrubbed_at is None:
        return "may still be in the database's files, which others use: run `messages tidy`"
    return "out of the database and its files; its backups keep theirs until they expire"
