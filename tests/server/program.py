"""A server in a process of its own: says on stdout what happens to it, one line each.

Arguments: name=value pairs of `ServerOptions`; the first may be `workers`, which supervises,
or `stuck`, whose application never finishes its start.
"""

import asyncio
import functools
import os
import sys
from pathlib import Path
from typing import Any

from server.apps import Calls, Message, Receive, Send, answer

from listen_server import early_stop
from listen_server.errors import ConfigError
from listen_server.server.options import ServerOptions
from listen_server.server.reports import Report
from listen_server.server.serving import serve
from listen_server.server.sockets import Bound, Sockets
from listen_server.server.workers import supervise

say = functools.partial(print, flush=True)


class Program(Calls):
    """Tells of each end, and of its start."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            say("starting")
            if "stuck" in sys.argv:
                await asyncio.Event().wait()
        await super().__call__(scope, receive, send)

    def call_ended(self, heard: int, code: int) -> None:
        say("ended", heard, code)


async def metrics(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Answer with the joined metrics of all workers."""
    from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    if not made:
        made.append(Counter("made", "counts admin requests", registry=None))
        made.append(Gauge("alive", "one each", registry=None, multiprocess_mode="livesum"))
        made[1].set(1)
    made[0].inc()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    await answer(send, 200, generate_latest(registry))


made: list[Any] = []


def options() -> ServerOptions:
    given: dict[str, Any] = {"port": 0, "admin_port": 0}
    for name, value in (one.split("=") for one in sys.argv[1:] if "=" in one):
        given[name] = int(value) if value.isdigit() else value
    return ServerOptions(**given)


def on_bound(bound: Bound) -> None:
    say("bound", bound.port, bound.admin_port)


def report(one: Report) -> None:
    say(one)


def work(sockets: Sockets) -> None:
    if "broken" in sys.argv:
        raise ConfigError("nothing can start like this")
    app = Program()
    serve(
        app, metrics, options(), drain=app.drain, sockets=sockets,
        on_bound=lambda _: say("serving", os.getpid()), report=report,
    )  # fmt: skip


def main() -> None:
    early_stop.install()
    say("installed")
    if "workers" in sys.argv:
        folder = Path(sys.argv[-1])
        sys.exit(
            supervise(
                work, options(), admin=True, metrics_dir=folder,
                on_bound=on_bound, on_ready=lambda _: say("all ready"), report=report,
            )
        )  # fmt: skip
    app = Program()
    serve(app, metrics, options(), drain=app.drain, on_bound=on_bound, report=report)


if __name__ == "__main__":
    main()
