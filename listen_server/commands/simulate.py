"""`listen-server simulate call`: jambonz's part, played against an application of yours.

The call itself is made by simulator/platform.
"""

import asyncio
import shutil
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from listen_server.simulator.clip import CLIP
from listen_server.simulator.errors import CallError
from listen_server.simulator.platform import (
    AppAddress,
    Line,
    Order,
    Outcome,
    place,
    read_script,
    rest_api,
)
from listen_server.simulator.platform.caller import PATIENCE

simulate = typer.Typer(
    help="Play jambonz's part against an application.",
    no_args_is_help=True,
    add_completion=False,
)


@simulate.callback()
def _group() -> None:
    """Play jambonz's part against an application."""


@simulate.command()
def call(  # noqa: PLR0913 - every parameter is an option of the command
    *,
    to: Annotated[str, typer.Option(metavar="NUMBER", help="Who is called.")],
    app: Annotated[
        str,
        typer.Option(
            metavar="URL", help="The application: http:// for webhooks, ws:// for the websocket."
        ),
    ],
    caller: Annotated[
        str, typer.Option("--from", metavar="NUMBER", help="Who calls.")
    ] = "+15550100001",
    script: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What the people in the call do, a line each.", show_default=False
        ),
    ] = None,
    do: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LINE",
            help="A line of the script, as in 'asked press 1', 'hears \"for Ann\" press 2', "
            "'recording speak hello.wav', 'recording+1 press #', '+20 hang up' or "
            "'party +15550100002 is busy'. Repeatable.",
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(metavar="TIMES", min=0, help="Times real time; 0 jumps from event to event."),
    ] = 0.0,
    server: Annotated[
        Literal["new", "old"],
        typer.Option(
            metavar="new|old", help="Names in hooks: snake_case, or camelCase as before April 2021."
        ),
    ] = "new",
    method: Annotated[
        Literal["POST", "GET"],
        typer.Option(metavar="POST|GET", help="How the application is asked for over HTTP."),
    ] = "POST",
    user: Annotated[str, typer.Option(help="User for HTTP Basic.")] = "",
    password: Annotated[
        str, typer.Option(help="Password for HTTP Basic.", show_default=False)
    ] = "",
    secret: Annotated[
        str, typer.Option(help="Webhook secret that signs the hooks.", show_default=False)
    ] = "",
    status: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Call status hook; /call-status below the application without it.",
            show_default=False,
        ),
    ] = None,
    patience: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="When the caller hangs up in any case."),
    ] = PATIENCE,
    audio: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What is streamed by listen, unless the script has the caller speak.",
            show_default=False,
        ),
    ] = None,
    rest: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=1,
            max=65535,
            help="Serve jambonz's REST API at http://127.0.0.1:PORT/v1 during the call.",
            show_default=False,
        ),
    ] = None,
    rest_token: Annotated[
        str, typer.Option(help="The API key that it wants.", show_default=False)
    ] = "",
    queue_status: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The account's hook for events of queues.", show_default=False
        ),
    ] = None,
) -> None:
    """Have an application called, and print what happens as a screenplay.

    Its verbs are executed, its hooks asked, its commands taken; `listen`
    streams for real. What jambonz would refuse is printed with its source, and
    makes the exit status 1.
    """
    try:
        lines = [*(script.read_text().splitlines() if script else []), *(do or [])]
        order = Order(
            app=AppAddress(url=app, method=method, username=user, password=password, secret=secret),
            to=to,
            from_=caller,
            script=read_script(lines),
            speed=speed,
            server=server,
            status=status,
            patience=patience,
            audio=audio or CLIP,
            queue_status=queue_status,
        )
        outcome = asyncio.run(_placed(order, rest, rest_token))
    except OSError as error:
        _fail(f"{script} cannot be read ({error.strerror})")
    except CallError as error:
        _fail(str(error))
    if outcome.refusals:
        raise typer.Exit(1)


async def _placed(order: Order, rest: int | None, token: str) -> Outcome:
    if rest is None:
        return await place(order, _show)
    async with AsyncExitStack() as stack:
        try:
            api = await stack.enter_async_context(rest_api(token, port=rest))
        except OSError as error:
            raise CallError(f"port {rest} cannot be had", "name another with --rest") from error
        return await place(replace(order, rest=api), _show)


def _show(line: Line) -> None:
    typer.echo(line.folded(shutil.get_terminal_size().columns if sys.stdout.isatty() else None))


def _fail(sentence: str) -> None:
    for line in sentence.splitlines():
        typer.echo(f"simulate call: {line}", err=True)
    raise typer.Exit(1)
