"""`listen-server messages`: what was left, for whoever may run commands on this machine.

hearing.py gives out audio, verifying.py checks what is stored. Numbers and names are printed by
`show` and by nothing else.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from listen_codecs.peaks import Peaks, draw
from listen_server.commands.hearing import MessageId, export, play, tell
from listen_server.commands.mailboxes import mailbox_of
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.verifying import verify
from listen_server.commands.voicemail import (
    ACTOR,
    SinkName,
    TenantName,
    console,
    run,
    table,
    tenant_of,
)
from listen_server.errors import ConfigError
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.erasure import erase_caller, erase_message
from listen_sinks.voicemail.index.errors import UnknownMessage
from listen_sinks.voicemail.index.messages import list_messages, undelete_message
from listen_sinks.voicemail.index.records import Message, Page, Receipt
from listen_sinks.voicemail.playback import Playback
from listen_sinks.voicemail.policies import KEPT
from listen_sinks.voicemail.store import Described

WIDTH: Final = 64  # characters of the waveform

messages = typer.Typer(
    name="messages",
    help="List, play, check and erase messages.",
    no_args_is_help=True,
    add_completion=False,
)
messages.command()(verify)
messages.command()(play)
messages.command()(export)


@messages.command("list")
def list_(  # noqa: PLR0913 - every parameter is an option of the command
    *,
    mailbox: Annotated[str | None, typer.Option(help="Its id, or one of its numbers.")] = None,
    caller: Annotated[str | None, typer.Option(help="Number of who called.")] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that are deleted.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    before: Annotated[str | None, typer.Option(metavar="MESSAGE", help="Older ones.")] = None,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List messages, newest call first. Opens none."""

    async def work(store: Access) -> Page:
        owner = await tenant_of(store, tenant)
        box = mailbox and (await mailbox_of(store, owner, mailbox)).id
        return await list_messages(
            store.database,
            owner.id,
            box,
            states=("deleted",) if deleted else KEPT,
            caller=caller and store.numbers(owner).caller(caller),
            before=before,
            limit=limit,
        )

    page = run(work, config, data_dir, sink)
    shown = table("message", "mailbox", "began", "seconds", "state", "ended")
    for one in page.messages:
        shown.add_row(
            *(one.id, one.mailbox, f"{one.started_at:%Y-%m-%d %H:%M:%S}", f"{one.seconds:.1f}"),
            one.state + (", on hold" if one.legal_hold else ""),
            f"{one.outcome}: {one.reason}",
        )
    console().print(shown)
    if page.before:
        console().print(f"older ones: --before {page.before}")


@messages.command()
def show(
    message: MessageId,
    *,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show all that is known about a message, with what is sealed of it."""

    async def work(store: Access) -> tuple[Described, Playback, list[str]]:
        tenant = (await store.find(message)).tenant
        reader = await store.store()
        described = await reader.describe(tenant, message, actor=ACTOR)
        playback = await reader.open(tenant, message, actor=ACTOR)
        return described, playback, draw(_columns((await playback.outline()).peaks, WIDTH))

    described, playback, waves = run(work, config, data_dir, sink)
    shown = Table(box=None, pad_edge=False, show_header=False)
    for name, value in _told(described.message, playback, described.meta or {}):
        shown.add_row(name, Text(_printable(value)))
    console().print(shown)
    for wave in waves:
        console().print(wave, markup=False)
    tell(message, (*described.findings, *playback.findings))


@messages.command()
def erase(
    ids: Annotated[list[str] | None, typer.Argument(metavar="MESSAGE...", help="Ids.")] = None,
    *,
    caller: Annotated[
        str | None, typer.Option(help="Number of a caller: all that this one left.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Erase messages for ever: their keys are destroyed, then their objects. Prints a receipt."""
    if not ids and caller is None:
        raise ConfigError("say which: ids of messages, or --caller with a number")
    if not yes:
        typer.confirm("This cannot be taken back. Erase?", abort=True, err=True)

    async def work(store: Access) -> list[Receipt]:
        receipts = []
        for message in ids or ():
            owner = await _owner(store, message, tenant)
            erased = await erase_message(store.erasures, owner, message, actor=ACTOR)
            receipts.append(erased)
        if caller is not None:
            one = await tenant_of(store, tenant)
            hashed = store.numbers(one).caller(caller)
            erased = await erase_caller(store.erasures, one.id, hashed, actor=ACTOR)
            receipts.append(erased)
        for receipt in receipts:
            await _remove(store, receipt)
        return receipts

    for receipt in run(work, config, data_dir, sink):
        _print_receipt(receipt)


@messages.command()
def undelete(
    message: MessageId,
    *,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Take a deletion back, as long as the mailbox's rules allow it."""

    async def work(store: Access) -> Message:
        tenant = (await store.find(message)).tenant
        now = datetime.now(UTC)
        found = await undelete_message(store.database, tenant, message, now)
        await store.audit.note(store.database, AuditEvent("undelete", ACTOR, message))
        return found

    typer.echo(f"{message} is {run(work, config, data_dir, sink).state}")


def _told(message: Message, playback: Playback, meta: dict[str, Any]) -> Iterator[tuple[str, str]]:
    call = meta.get("call") or {}
    yield "message", message.id
    yield "mailbox", f"{message.mailbox} of {message.tenant}"
    yield "state", message.state + (", on legal hold" if message.legal_hold else "")
    yield "began", f"{message.started_at:%Y-%m-%d %H:%M:%S} UTC"
    yield "ended", f"{message.outcome}: {message.reason}"
    yield "audio", f"{playback.seconds:.2f} s, {playback.sample_rate} Hz, {playback.channels} ch"
    yield "stored", f"{message.size} bytes"
    for name in ("from", "to", "direction", "call_sid"):
        if call.get(name):
            yield name, str(call[name])


def _printable(value: str) -> str:
    """Take out what would command the terminal: callers can say anything of themselves."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in value)


def _columns(peaks: Peaks, width: int) -> Peaks:
    """Draw the same outline in so many columns, or in fewer if it has fewer."""
    buckets = peaks.shape[1]
    if buckets <= width:
        return peaks
    starts = np.arange(width) * buckets // width
    low = np.minimum.reduceat(peaks[..., 0], starts, axis=1)
    return np.stack([low, np.maximum.reduceat(peaks[..., 1], starts, axis=1)], axis=2)


async def _owner(store: Access, message: str, tenant: str | None) -> str:
    """Return whose message it is; it may be erased already."""
    try:
        return (await store.find(message)).tenant
    except UnknownMessage:
        return (await tenant_of(store, tenant)).id


async def _remove(store: Access, receipt: Receipt) -> None:
    try:
        await store.remove_objects(receipt)
    except ObjectsAway as error:
        typer.echo(
            f"erasure {receipt.erasure}: nothing of it opens any more, but the store is away "
            f"({error}); erase it again to remove what is left there",
            err=True,
        )


def _print_receipt(receipt: Receipt) -> None:
    gone = f"{len(receipt.messages)} message(s), {receipt.keys_destroyed} key(s) destroyed"
    typer.echo(f"erasure {receipt.erasure}: {gone}")
    if receipt.scrubbed_at is None:
        typer.echo("the database's files may still hold the keys: erase it again", err=True)
    for held in receipt.held:
        typer.echo(f"{held} is on legal hold, and stays", err=True)
