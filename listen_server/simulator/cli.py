"""The command `call`, with its words for people. The calls themselves are made by runner.py.

It stands on its own: whoever has a typer application adds `call` to it.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.console import Console

from listen_codecs.formats import Mix
from listen_server.simulator.attributes import Kind
from listen_server.simulator.errors import CallError
from listen_server.simulator.live import CallResult, SimulatedCall
from listen_server.simulator.order import Order
from listen_server.simulator.report import JsonLines, bars, faults, summary
from listen_server.simulator.runner import run_calls
from listen_server.simulator.target import DEFAULT_SUBPROTOCOL

_INTERRUPTED: Final = 130  # exit status after SIGINT, as shells count it


def call(  # noqa: PLR0913  # every parameter is an option of the command
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Audio of the call: WAV, FLAC or Ogg, one channel or two (the party on this "
            "endpoint, then the far end). Without it: a short message that comes with the program.",
            show_default=False,
        ),
    ] = None,
    *,
    url: Annotated[
        str, typer.Option(help="Where jambonz would stream to.")
    ] = "ws://127.0.0.1:8080/listen",
    rate: Annotated[int, typer.Option(metavar="HZ", help="sampleRate of the verb, in Hz.")] = 8000,
    mix: Annotated[
        Mix, typer.Option(metavar="mono|stereo|mixed", help="mixType of the verb.")
    ] = "mono",
    other: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The far end of the call, if FILE has one channel."),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="metadata of the verb; the value is JSON if it reads as JSON. Repeatable.",
        ),
    ] = None,
    kind: Annotated[
        Kind,
        typer.Option(
            metavar="listen|dial|record|conference",
            help="What starts the stream; the first text frame differs.",
        ),
    ] = "listen",
    dtmf: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY@SECOND", help="Press a key during the call, as in 5@1.2. Repeatable."
        ),
    ] = None,
    pause: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FROM-TO",
            help="Send nothing from one second to another, as in 2-4. Repeatable.",
        ),
    ] = None,
    abort_at: Annotated[
        float | None,
        typer.Option(metavar="SECOND", min=0, help="Vanish at this second, without a Close."),
    ] = None,
    abort_by: Annotated[
        Literal["fin", "reset"],
        typer.Option(
            metavar="fin|reset",
            help="How to vanish: as a crashed process, or as a crashed machine.",
        ),
    ] = "fin",
    speed: Annotated[
        float,
        typer.Option(
            metavar="TIMES", min=0, help="Times real time; 0 is as fast as the server reads."
        ),
    ] = 1.0,
    seconds: Annotated[
        float | None,
        typer.Option(help="Length of the call: the audio is repeated, or cut.", show_default=False),
    ] = None,
    calls: Annotated[
        int, typer.Option(metavar="N", min=1, help="Place so many calls at once.")
    ] = 1,
    user: Annotated[str, typer.Option(help="username of the verb's wsAuth.")] = "",
    password: Annotated[
        str, typer.Option(help="password of the verb's wsAuth.", show_default=False)
    ] = "",
    subprotocol: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Websocket subprotocol; older servers say audio.drachtio.org."
        ),
    ] = DEFAULT_SUBPROTOCOL,
    ca_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Trust the CAs of this PEM file, and no others."),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Trust any certificate; jambonz does not.")
    ] = False,
) -> None:
    """Place calls to a listen server, as jambonz does.

    On a terminal it shows how the call goes; otherwise it prints one line of
    JSON per call: what was sent (frames, bytes, samples, SHA-256), what the
    server asked for, and how it ended. The exit status is 0 if every call went
    as scripted. Ctrl-C hangs up.
    """
    _run(
        Order(
            url=url,
            file=file,
            rate=rate,
            mix=mix,
            other=other,
            metadata=tuple(metadata or ()),
            kind=kind,
            dtmf=tuple(dtmf or ()),
            pause=tuple(pause or ()),
            abort_at=abort_at,
            abort_by=abort_by,
            speed=speed,
            seconds=seconds,
            calls=calls,
            user=user,
            password=password,
            subprotocol=subprotocol,
            ca_file=ca_file,
            insecure=insecure,
        )
    )


def _run(order: Order) -> None:
    """Place the calls and leave with the exit status that tells how they went."""
    try:
        calls = order.place()
    except CallError as error:
        _say(str(error))
        raise typer.Exit(1) from None
    for note in order.notes():
        _say(f"note: {note}")
    results = _played(calls)
    for fault in faults(results):
        _say(fault)
    if any(call.hung_up for call in calls):
        raise typer.Exit(_INTERRUPTED)
    if any(result.fault is not None for result in results):
        raise typer.Exit(1)


def _played(calls: Sequence[SimulatedCall]) -> list[CallResult]:
    if not sys.stdout.isatty():
        return asyncio.run(run_calls(calls, JsonLines(sys.stdout)))
    console = Console()
    with bars(console, calls) as report:
        results = asyncio.run(run_calls(calls, report))
    console.print(summary(results), highlight=False, markup=False)
    return results


def _say(sentence: str) -> None:
    for line in sentence.splitlines():
        typer.echo(f"call: {line}", err=True)
