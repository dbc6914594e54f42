"""`listen-server events`: what webhooks and owners were told, what did not arrive, and again."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

import typer
from rich.table import Table

from listen_server.commands.options import ConfigFile, DataDir, SinceOption
from listen_server.commands.voicemail import console
from listen_server.errors import ConfigError
from listen_server.logs import set_up_logs
from listen_server.outbox import index_urls
from listen_server.plugins import configure_sinks
from listen_server.settings import load_settings
from listen_sinks.api import SinkError
from listen_sinks.mail.config import NAME
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.event_log import (
    Delivery,
    LoggedEvent,
    Which,
    list_events,
    list_targets,
    replay,
)
from listen_sinks.webhook.events import TYPES

events = typer.Typer(
    name="events",
    help="List the events that webhooks and mails tell of, and deliver them again.",
    no_args_is_help=True,
    add_completion=False,
)

State: TypeAlias = Literal["waiting", "delivered", "dead"]
StateOption: TypeAlias = Annotated[
    State | None, typer.Option("--state", help="Only what is in this state.", show_default=False)
]
TargetOption: TypeAlias = Annotated[
    str | None, typer.Option("--target", metavar="NAME", help="Only of this webhook, or of `mail`.")
]
TypeOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--type", metavar="TYPE", help=f"Only of this type: {', '.join(TYPES)}."),
]
AboutOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--about", metavar="ID", help="Only about this message or stream."),
]

_WIDE_ID: Final = 26
_ROOM: Final = 120  # characters for all columns beside each other

_T = TypeVar("_T")


@events.command("list")
def list_(
    *,
    state: StateOption = None,
    target: TargetOption = None,
    type_: TypeOption = None,
    about: AboutOption = None,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List events, the newest first, and what became of them."""
    which = _which(None, state, target, type_, about, since)

    async def work(database: Database) -> tuple[list[LoggedEvent], dict[str, str]]:
        return await list_events(database, which, limit), await list_targets(database)

    found = _run(work, config, data_dir, target)
    logged = sorted((one for some, _ in found for one in some), key=_when, reverse=True)
    out = console()
    out.print(_table(logged[:limit], narrow=out.width < _ROOM))
    for name, how in [pair for _, targets in found for pair in targets.items()]:
        if how == "gone":
            typer.echo(f"{name} has said that it is gone: replay --target {name} uses it again")


def _table(logged: Iterable[LoggedEvent], *, narrow: bool) -> Table:
    """Make the list; on a narrow terminal what an event is about stands below its type."""
    shown = Table(box=None, pad_edge=False)
    ids = ("event", "type, about") if narrow else ("event", "type", "about")
    for name in ids:
        shown.add_column(name, no_wrap=True, min_width=_WIDE_ID if name != "type" else None)
    for name in ("at (UTC)", "target"):
        shown.add_column(name, no_wrap=not narrow)
    for one in logged:
        event = one.event
        what = [f"{event.type}\n{event.about}"] if narrow else [event.type, event.about]
        states = ", ".join(_in_short(delivery) for delivery in one.deliveries)
        shown.add_row(event.id, *what, f"{event.at:%Y-%m-%d %H:%M:%S}", states)
    return shown


@events.command()
def show(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="Its id.")],
    *,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show what an event carries, and the tries of every target."""

    async def work(database: Database) -> list[LoggedEvent]:
        return await list_events(database, Which(events=[event]))

    found = [one for some in _run(work, config, data_dir) for one in some]
    if not found:
        raise ConfigError(f"there is no event {event}, or it is forgotten")
    typer.echo(json.dumps(json.loads(found[0].event.body()), indent=2))
    for one in found[0].deliveries:
        last = one.done_at or one.due_at
        when = "since" if one.done_at else "tried again at"
        result = f", last {one.result}" if one.result else ""
        typer.echo(
            f"{one.target}: {one.state}, {when} {last:%Y-%m-%d %H:%M:%S} UTC, "
            f"{one.tries} {'try' if one.tries == 1 else 'tries'}{result}"
        )


@events.command("replay")
def replay_(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[EVENT]...", help="Ids.", show_default=False)
    ] = None,
    *,
    state: StateOption = None,
    target: TargetOption = None,
    type_: TypeOption = None,
    about: AboutOption = None,
    since: SinceOption = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Deliver events again, under the same ids; those that wait, now.

    A running server delivers them. With --target, a webhook that said it is gone is used again.
    """
    which = _which(ids, state, target, type_, about, since)
    if which == Which():
        raise ConfigError(
            "say which: ids of events, --state dead, --target NAME, or another option"
        )

    async def work(database: Database) -> int:
        if target is not None and target not in await list_targets(database):
            return 0
        return await replay(database, which)

    count = sum(_run(work, config, data_dir, target))
    typer.echo(f"{count} to be delivered again")


def _which(
    ids: list[str] | None,
    state: State | None,
    target: str | None,
    type_: str | None,
    about: str | None,
    since: datetime | None,
) -> Which:
    if type_ is not None and type_ not in TYPES:
        raise ConfigError(f"there is no type {type_!r}; there are: {', '.join(TYPES)}")
    moment = since.replace(tzinfo=UTC) if since else None
    return Which(ids or None, state, target, type_, about, moment)


def _run(
    work: Callable[[Database], Awaitable[_T]],
    config: Path | None,
    data_dir: Path | None,
    target: str | None = None,
) -> list[_T]:
    """Do something with every outbox that there is. Raises ConfigError for what is in the way.

    `target`, if one is named, must be known to the settings or to one of them.
    """
    set_up_logs(level="warning", human=True)
    settings = load_settings(config, data_dir=data_dir)
    if not settings.webhooks and settings.mail is None:
        raise ConfigError(
            "no webhook is configured, and no mail: add a table [webhooks.NAME] with its url, or "
            "[mail]"
        )
    urls = index_urls(settings, configure_sinks(settings).values())
    wanted = {*settings.webhooks, *([NAME] if settings.mail else [])}

    async def opened() -> list[_T]:
        results, known = [], set(wanted)
        for url in urls:
            database = await asyncio.to_thread(Database, url)
            try:
                known |= (await list_targets(database)).keys()
                results.append(await work(database))
            finally:
                await database.close()
        if target is not None and target not in known:
            there = ", ".join(sorted(known))
            raise ConfigError(f"there is no target {target!r}; there are: {there}")
        return results

    try:
        return asyncio.run(opened())
    except IndexAway as error:
        raise ConfigError(f"{error}: try again when the database is there") from error
    except SinkError as error:
        raise ConfigError(str(error)) from error


def _when(one: LoggedEvent) -> tuple[datetime, str]:
    return one.event.at, one.event.id


def _in_short(delivery: Delivery) -> str:
    tries = f" after {delivery.tries}" if delivery.tries > 1 else ""
    result = f" ({delivery.result})" if delivery.result and not _is_plain(delivery) else ""
    return f"{delivery.target} {delivery.state}{tries}{result}"


def _is_plain(delivery: Delivery) -> bool:
    """Tell whether nothing but the code of a service's consent is known: 200, 250."""
    return delivery.state == "delivered" and (delivery.result or "").isdigit()
