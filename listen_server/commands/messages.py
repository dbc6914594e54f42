"""`listen-server messages`: what was left, for whoever may run commands on this machine.

hearing.py gives out audio, deleting.py and erasing.py take away, verifying.py checks, tidying.py
keeps house. Numbers and names are printed by `show` and by nothing else.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from listen_codecs.peaks import Peaks, draw
from listen_server.commands.deleting import delete, hold, release, undelete
from listen_server.commands.erasing import erase, redact
from listen_server.commands.hearing import export, play, tell
from listen_server.commands.naming import (
    MessageId,
    mailbox_of,
    printable,
    read_id,
)
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.tidying import tidy
from listen_server.commands.transcribing import show_words, transcribe
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
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.messages import list_messages
from listen_sinks.voicemail.index.records import Message, Page
from listen_sinks.voicemail.playback import Playback
from listen_sinks.voicemail.policies import KEPT
from listen_sinks.voicemail.store import Described

WIDTH: Final = 64  # characters of the waveform
_SLACK: Final = 0.005  # seconds

messages = typer.Typer(
    name="messages",
    help="List, play, check and erase messages.",
    no_args_is_help=True,
    add_completion=False,
)


@messages.command("list")
def list_(  # noqa: PLR0913 - every parameter is an option of the command
    *,
    mailbox: Annotated[str | None, typer.Option(help="Its id, or one of its numbers.")] = None,
    caller: Annotated[str | None, typer.Option(help="Number of who called.")] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that are deleted.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    before: Annotated[
        str | None, typer.Option(metavar="MESSAGE", help="Those that are older than this one.")
    ] = None,
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
            before=before and read_id(before),
            limit=limit,
        )

    page = run(work, config, data_dir, sink)
    shown = table("message", "mailbox", "began (UTC)", "seconds", "state", "ended")
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

    async def work(store: Access) -> tuple[Described, Playback, list[str], list[str]]:
        tenant = (await store.find(message)).tenant
        reader = await store.store()
        described = await reader.describe(tenant, message, actor=ACTOR)
        playback = await reader.open(tenant, message, actor=ACTOR)
        waves = draw(_columns((await playback.outline()).peaks, WIDTH))
        return described, playback, waves, await show_words(store, tenant, message)

    described, playback, waves, words = run(work, config, data_dir, sink)
    shown = Table(box=None, pad_edge=False, show_header=False)
    for name, value in _told(described.message, playback, described.meta or {}):
        shown.add_row(name, Text(printable(value)))
    console().print(shown)
    for wave in filter(str.strip, waves):
        console().print(wave, markup=False)
    for line in words:
        console().print(printable(line), markup=False)
    tell(message, (*described.findings, *playback.findings))


for command in (
    *(play, export, transcribe, delete, undelete, hold, release),
    *(redact, erase, verify, tidy),
):
    messages.command()(command)


def _told(message: Message, playback: Playback, meta: dict[str, Any]) -> Iterator[tuple[str, str]]:
    call = meta.get("call") or {}
    yield "message", message.id
    yield "mailbox", f"{message.mailbox} of {message.tenant}"
    yield "state", message.state + (", on legal hold" if message.legal_hold else "")
    yield "began", f"{message.started_at:%Y-%m-%d %H:%M:%S} UTC"
    yield "ended", f"{message.outcome}: {message.reason}"
    heard = f"{playback.seconds:.2f} s, {playback.sample_rate} Hz, {playback.channels} ch"
    lost = message.seconds - playback.seconds > _SLACK
    yield "audio", f"{heard}; it was {message.seconds:.2f} s" if lost else heard
    yield "stored", f"{message.size} bytes"
    for one in meta.get("erased") or ():
        yield "erased", f"{one['seconds']:.2f} s from second {one['at']:.2f} on"
    for name in ("from", "to", "direction", "call_sid"):
        if call.get(name):
            yield name, str(call[name])


def _columns(peaks: Peaks, width: int) -> Peaks:
    """Draw the same outline in so many columns, or in fewer if it has fewer."""
    buckets = peaks.shape[1]
    if buckets <= width:
        return peaks
    starts = np.arange(width) * buckets // width
    low = np.minimum.reduceat(peaks[..., 0], starts, axis=1)
    return np.stack([low, np.maximum.reduceat(peaks[..., 1], starts, axis=1)], axis=2)
