"""An order for one simulated call, and what comes of it; commands/simulate.py asks for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from listen_server.simulator.clip import CLIP
from listen_server.simulator.errors import CallError
from listen_server.simulator.handshake import Credential
from listen_server.simulator.platform.caller import PATIENCE, Caller
from listen_server.simulator.platform.clock import Clock
from listen_server.simulator.platform.commanding import take_command
from listen_server.simulator.platform.info import CallInfo, Server
from listen_server.simulator.platform.rules import Refusal
from listen_server.simulator.platform.screenplay import Line, Screenplay
from listen_server.simulator.platform.script import Script
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.sockets import Sockets
from listen_server.simulator.platform.transport import AppAddress, Transport
from listen_server.simulator.platform.webhooks import Webhooks

GRACE: Final = 0.01  # seconds of real time before each jump, for what a socket says unasked


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
    audio: Path = CLIP
    """What is streamed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the call."""

    screenplay: Screenplay
    refusals: tuple[Refusal, ...]
    info: CallInfo


async def place(order: Order, shown: Callable[[Line], None] | None = None) -> Outcome:
    """Play one call to its end. Raises CallError for an address that is none."""
    scheme = _scheme(order.app.url)
    by_socket = scheme.startswith("ws")
    clock = Clock(order.speed, grace=GRACE if by_socket else 0.0)
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
    transport: Transport = (
        Sockets(
            app,
            order.server,
            clock,
            lambda message: take_command(session, message),
            lambda what: session.write("APP", what),
        )
        if by_socket
        else Webhooks(app, order.server)
    )
    await _play(session, transport, Caller(session, order.script, patience=order.patience))
    return Outcome(session.play, tuple(session.refusals), session.info)


async def _play(session: Session, transport: Transport, caller: Caller) -> None:
    playing = asyncio.create_task(session.run(transport))
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


def _scheme(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https", "ws", "wss") and parts.hostname is not None
    except ValueError:
        known = False
    if not known:
        raise CallError(
            f"{url!r} is no address of an application", "begin it with http:// or ws://"
        )
    return parts.scheme


def _status_of(url: str) -> str:
    return f"{url.partition('?')[0].rstrip('/')}/call-status"
