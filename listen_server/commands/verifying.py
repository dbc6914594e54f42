"""`messages verify`: every object against index and digest, and opened if there are keys.

With `--all`, also whether the store has objects that no message has.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeAlias

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from listen_server.commands.naming import MessageIds
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.voicemail import ACTOR, SinkName, run
from listen_server.errors import ConfigError
from listen_sinks.api import SinkError
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.findings import Finding
from listen_sinks.voicemail.index.parts import count_parts, every_part, list_parts
from listen_sinks.voicemail.index.records import Part
from listen_sinks.voicemail.keys import KeysAway
from listen_sinks.voicemail.orphans import Kind, Orphan, find_orphans
from listen_sinks.voicemail.store import MessageStore

AT_ONCE: Final = 4
PATIENCE: Final = 8
"""Parts in a row that the store may not give out; then it is the store that is away."""
_PARTS: Final = 200  # parts that are read from the index at once

_ORPHANS: Final[Mapping[Kind, str]] = {
    "erased": "belongs to a message that was erased, and opens no more; it can be deleted",
    "unknown": "belongs to no message that this index knows; is it the right database?",
    "foreign": "was not put there by a listen server",
}

_Page: TypeAlias = Sequence[tuple[str, Part]]


@dataclass
class Verdict:
    """What a check has found."""

    parts: int = 0
    opened: bool = True
    away: int = 0  # in a row
    wrong: dict[str, list[Finding]] = field(default_factory=dict)  # by message
    orphans: list[Orphan] = field(default_factory=list)
    unlisted: str | None = None  # why nobody could look for those


def verify(
    ids: MessageIds = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that is stored.")] = False,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Check that messages are in the store as they were shipped, and open.

    Without the root key, digests alone are checked. With --all, objects that no message has are
    named, too; what was written in the last hour may be on its way and is passed over. The exit
    status is 1 if something is not right.
    """
    if bool(ids) == everything:
        raise ConfigError("say which: ids of messages, or --all")

    async def work(store: Access) -> Verdict:
        if everything:
            verdict = await _verify(store, _all(store), await count_parts(store.database))
            await _look_for_orphans(store, verdict)
            return verdict
        named = [one for message in ids or () for one in await _parts(store, message)]
        return await _verify(store, _once(named), len(named))

    verdict = run(work, config, data_dir, sink)
    _tell(verdict)
    if verdict.wrong or verdict.orphans or verdict.unlisted:
        raise typer.Exit(1)


def _tell(verdict: Verdict) -> None:
    for message, findings in verdict.wrong.items():
        for finding in findings:
            typer.echo(f"{message}, {finding}", err=True)
    for orphan in verdict.orphans:
        typer.echo(f"{orphan.name}: {_ORPHANS[orphan.kind]}", err=True)
    if verdict.unlisted:
        typer.echo(
            f"the store does not tell all that it has ({verdict.unlisted}): it was not looked for "
            "objects that no message has",
            err=True,
        )
    if verdict.wrong:
        typer.echo(f"{len(verdict.wrong)} message(s) are not right, of {verdict.parts} part(s)")
    else:
        how = "and open" if verdict.opened else "but not all were opened: the root key is away"
        typer.echo(f"{verdict.parts} part(s) are as they were shipped, {how}")
    if verdict.orphans:
        typer.echo(f"{len(verdict.orphans)} object(s) in the store belong to no message")


async def _verify(store: Access, pages: AsyncIterator[_Page], total: int) -> Verdict:
    """Check parts, a few at once, with a bar on standard error."""
    verdict = Verdict()
    reader = await _reader(store, verdict)
    turn = asyncio.Semaphore(AT_ONCE)
    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        task = progress.add_task("", total=total)

        async def check(message: str, part: Part) -> None:
            async with turn:
                findings = await _check_patiently(reader, verdict, message, part)
                if findings and await _is_still(store, message, part):
                    verdict.wrong.setdefault(message, []).extend(findings)
            verdict.parts += 1
            progress.advance(task)

        async for page in pages:
            checks = (check(message, part) for message, part in page)
            for failure in await asyncio.gather(*checks, return_exceptions=True):
                if failure is not None:
                    raise failure
    return verdict


async def _look_for_orphans(store: Access, verdict: Verdict) -> None:
    """Look for objects that no message has, with their number on standard error."""
    looked = 0
    with Console(stderr=True).status("looking for objects that no message has") as line:
        try:
            async for number, found in find_orphans(store.database, store.objects):
                looked += number
                verdict.orphans += found
                line.update(f"looking for objects that no message has: {looked} seen")
        except ObjectsAway as error:  # what was checked is told all the same
            verdict.unlisted = str(error)


async def _reader(store: Access, verdict: Verdict) -> MessageStore:
    try:
        return await store.store()
    except SinkError as error:  # the root is lost: what is stored can be checked all the same
        typer.echo(str(error), err=True)
        verdict.opened = False
        return store.closed_store()


async def _check_patiently(
    reader: MessageStore, verdict: Verdict, message: str, part: Part
) -> tuple[Finding, ...]:
    """Check a part; one that the store does not give out is no reason not to check the others."""
    try:
        findings = await _check(reader, verdict, message, part)
    except ObjectsAway as error:
        verdict.away += 1
        if verdict.away > PATIENCE:
            raise
        return (Finding(part.part, "away", str(error)),)
    verdict.away = 0
    return findings


async def _check(
    reader: MessageStore, verdict: Verdict, message: str, part: Part
) -> tuple[Finding, ...]:
    if verdict.opened:
        try:
            return await reader.check(message, part, actor=ACTOR)
        except KeysAway:
            verdict.opened = False
    return await reader.check(message, part, actor=ACTOR, with_keys=False)


async def _is_still(store: Access, message: str, part: Part) -> bool:
    """Say whether a part is still stored: it may have been erased while it was checked."""
    before = (message, part.part - 1)
    return (message, part) in await every_part(store.database, before, limit=1)


async def _all(store: Access) -> AsyncIterator[_Page]:
    after = None
    while page := await every_part(store.database, after, limit=_PARTS):
        yield page
        after = (page[-1][0], page[-1][1].part)


async def _once(page: _Page) -> AsyncIterator[_Page]:
    yield page


async def _parts(store: Access, message: str) -> _Page:
    tenant = (await store.find(message)).tenant
    return [(message, part) for part in await list_parts(store.database, tenant, message)]
