"""An order for one simulated call, and what comes of it; commands/simulate.py asks for it."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from listen_server.simulator.clip import CLIP
from listen_server.simulator.handshake import Credential
from listen_server.simulator.platform.caller import PATIENCE, Caller
from listen_server.simulator.platform.checking import check_addresses, check_files
from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.commanding import take_command
from listen_server.simulator.platform.heard import Heard
from listen_server.simulator.platform.info import CallInfo, Server
from listen_server.simulator.platform.reaching import GRACE, Reach
from listen_server.simulator.platform.rest import RestApi
from listen_server.simulator.platform.rules import Refusal
from listen_server.simulator.platform.running import Run
from listen_server.simulator.platform.screenplay import Line, Screenplay
from listen_server.simulator.platform.script import Script
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.stream import Streamed
from listen_server.simulator.platform.transport import AppAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who calls whom, what they do, and which application answers."""

    app: AppAddress
    to: str
    from_: str = "+15550100001"
    script: Script = field(default_factory=Script)
    speed: float = 0.0
    """Times real time; 0 jumps from event to event."""
    server: Server = "new"
    status: str | None = None
    """Address of the call status hook; `/call-status` below the application's without it."""
    patience: float = PATIENCE
    """Seconds after which the caller hangs up in any case."""
    rest: RestApi | None = None
    """jambonz's REST API, which can change the call."""
    queue_status: str | None = None
    """Address of the account's hook for events of queues; none is told without it."""
    audio: Path | None = CLIP
    """What is streamed, again and again; None is silence. A script in which the caller speaks a
    file has silence instead."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the call."""

    screenplay: Screenplay
    refusals: tuple[Refusal, ...]
    info: CallInfo
    heard: tuple[Heard, ...] = ()
    """What the caller heard, in order."""
    streams: tuple[Streamed, ...] = ()
    """What went over each stream, in the order in which they began."""


async def place(order: Order, shown: Callable[[Line], None] | None = None) -> Outcome:
    """Play one call to its end. Raises CallError, for addresses and files before it begins."""
    by_socket = check_addresses(order.app.url, order.status, order.queue_status).startswith("ws")
    await asyncio.to_thread(check_files, order.script, order.audio)
    clock = Clock(order.speed)
    app = order.app
    session = Session(
        CallInfo(order.from_, order.to),
        order.script,
        clock,
        Screenplay(shown),
        status_hook=order.status or ("/call-status" if by_socket else _status_of(app.url)),
        audio=order.audio,
        basic=Credential(app.username, app.password) if app.basic else None,
    )
    session.queue_hook = order.queue_status
    transport = Reach(
        app,
        order.server,
        clock,
        lambda message: take_command(session, message),
        lambda what: session.write("APP", what),
    )
    caller = Caller(session, order.script, patience=order.patience)
    if order.rest is not None:
        clock.grace = GRACE
    with order.rest.knowing(session) if order.rest is not None else nullcontext():
        await _play(session, transport, caller)
    return Outcome(
        session.play,
        tuple(session.refusals),
        session.info,
        tuple(session.hearing.all),
        tuple(stream.sent for stream in session.streams),
    )


async def _play(session: Session, transport: Reach, caller: Caller) -> None:
    playing = asyncio.create_task(_to_the_end(session, transport))
    running = [asyncio.create_task(session.clock.run()), asyncio.create_task(caller.run())]
    pending: set[asyncio.Task[None]] = {playing, *running}
    try:
        while not playing.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # one that has failed would let the others wait for ever
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


async def _to_the_end(session: Session, transport: Reach) -> None:
    """Play a call, and those that have grown out of it."""
    try:
        await Run(session, transport).whole()
        while session.grown:
            await session.grown[-1]
            session.grown.pop()
    finally:
        for task in session.grown:
            task.cancel()


def _status_of(url: str) -> str:
    return f"{url.partition('?')[0].rstrip('/')}/call-status"
