"""`messages transcribe`: stored messages understood now, by any engine. transcribe.py is for files.

The words are sealed into the message, and not printed: `messages show` does that.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from listen_server.commands.naming import MessageIds
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.transcribe import opened, transcript_config
from listen_server.commands.voicemail import ACTOR, SinkName, run
from listen_server.errors import ConfigError
from listen_server.settings import load_settings
from listen_sinks.transcript.api import EngineAway, EngineRefused
from listen_sinks.transcript.board import Offer
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.errors import IndexRefusal
from listen_sinks.voicemail.index.parts import list_parts
from listen_sinks.voicemail.index.transcripts import (
    Untranscribed,
    total_untranscribed,
    untranscribed,
)
from listen_sinks.voicemail.transcribing import NotTranscribed, transcribe_part, transcripts
from listen_sinks.voicemail.unlocking import NoKey


@dataclass
class Done:
    """What was understood, and what was not."""

    parts: int = 0
    failures: int = 0


def transcribe(
    ids: MessageIds = None,
    *,
    missing: Annotated[
        bool, typer.Option("--missing", help="All that have no transcript, or none of all.")
    ] = False,
    engine: Annotated[
        str | None, typer.Option(help="Which one; that of the settings if not given.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="What is spoken: en-US.")] = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Have an engine understand messages; `show` prints the words then.

    A message that is named gets a new transcript in the place of the one it has. The exit status
    is 1 if one could not be transcribed.
    """
    if bool(ids) == missing:
        raise ConfigError("say which: ids of messages, or --missing")
    settings = load_settings(config, data_dir=data_dir)
    found = transcript_config(settings, engine, language)

    async def work(store: Access) -> Done:
        async with opened(found, settings) as plugin:
            offer = Offer(plugin, found.engine, found.language)
            if missing:
                return await _all(store, offer, _missing(store), await _seconds(store))
            named = [part for message in ids or () for part in await _parts(store, message)]
            return await _all(store, offer, _each(named), sum(one.seconds for one in named))

    done = run(work, config, data_dir, sink)
    typer.echo(f"{done.parts} part(s) transcribed by {found.engine}")
    if done.failures:
        raise typer.Exit(1)


async def show_words(store: Access, tenant: str, message: str) -> list[str]:
    """Return what was understood of a message, in lines for a terminal."""
    reader = await store.store()
    lines = []
    for one in await transcripts(reader, store.database, tenant, message, actor=ACTOR):
        transcript = one.transcript
        note = "" if transcript.complete else ", not of all of it"
        lines.append(f"understood by {transcript.engine} ({transcript.language}{note}):")
        channels = {result.channel for result in transcript.results}
        for result in transcript.in_order:
            who = f"{result.channel + 1}: " if len(channels) > 1 else ""
            lines.append(f"  {result.start:6.1f} s  {who}{result.text}")
        if not transcript.results:
            lines.append("  no word")
    return lines


async def _all(
    store: Access, offer: Offer, parts: AsyncIterator[Untranscribed], total: float
) -> Done:
    done = Done()
    reader = await store.store()
    columns = (TextColumn("transcribing"), BarColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=total)
        before = 0.0

        def told(seconds: float) -> None:
            progress.update(task, completed=before + seconds)

        async with aclosing(parts) as wanted:  # type: ignore[type-var]  # a generator
            async for one in wanted:
                try:
                    await transcribe_part(
                        reader, store.database, one, offer, actor=ACTOR, told=told
                    )
                    done.parts += 1
                except (NotTranscribed, NoKey, IndexRefusal) as error:
                    typer.echo(str(error), err=True)
                    done.failures += 1
                except (EngineAway, EngineRefused) as error:
                    raise ConfigError(f"engine {offer.engine!r}: {error}") from error
                before += one.seconds
                told(0.0)
    return done


async def _missing(store: Access) -> AsyncIterator[Untranscribed]:
    behind: tuple[str, int] | None = None
    while page := await untranscribed(store.database, behind=behind):
        for one in page:
            yield one
        behind = page[-1].message, page[-1].part


async def _seconds(store: Access) -> float:
    return await total_untranscribed(store.database)


async def _each(parts: list[Untranscribed]) -> AsyncIterator[Untranscribed]:
    for one in parts:
        yield one


async def _parts(store: Access, message: str) -> list[Untranscribed]:
    tenant = (await store.find(message)).tenant
    found = [one for one in await list_parts(store.database, tenant, message) if one.frames]
    if not found:
        raise ConfigError(f"message {message} has no audio")
    return [
        Untranscribed(tenant, message, one.part, one.format.seconds(one.frames)) for one in found
    ]
