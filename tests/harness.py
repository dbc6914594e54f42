"""A real server on a real port, in the test's own event loop, with the memory sink in it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from listen_server.app import App
from listen_server.run import drain_of, options_of
from listen_server.server.drain import Drain
from listen_server.server.serving import running
from listen_server.settings import Settings, load_settings
from listen_sinks.memory import Memory, MemoryRecording

SUBPROTOCOL = "audio.jambonz.org"


@dataclass
class Running:
    """A server that is up."""

    app: App
    port: int
    admin_port: int = 0
    drain: Drain = field(default_factory=Drain)
    """The server's end, which a signal would begin."""

    def url(self, path: str = "/listen") -> str:
        """Return the address of a route."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def connect(self, path: str = "/listen", **options: Any) -> connect:
        """Call the server as jambonz would, but for its headers."""
        options.setdefault("subprotocols", [Subprotocol(SUBPROTOCOL)])
        return connect(self.url(path), compression=None, proxy=None, max_size=None, **options)

    def memory(self, name: str = "memory") -> Memory:
        """Return a memory sink."""
        plugin = self.app.sinks[name].plugin
        assert isinstance(plugin, Memory)
        return plugin

    async def recording(self, index: int = 0, name: str = "memory") -> MemoryRecording:
        """Wait for a stream's final record."""

        def finished() -> list[MemoryRecording]:
            return [r for r in self.memory(name).recordings.values() if r.outcome is not None]

        await until(lambda: len(finished()) > index)
        return finished()[index]

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric's value, 0 if it never moved."""
        return self.app.telemetry.registry.get_sample_value(name, labels) or 0.0


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something is so; fail if it does not come about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what it waits for has no event of its own
            await asyncio.sleep(0.005)


def settings(data_dir: Path, **changes: Any) -> Settings:
    """Make settings as a test wants them: every route into memory, and quick."""
    given: dict[str, Any] = {
        "data_dir": data_dir,
        "port": 0,
        "open": True,
        "tick": 0.01,
        "min_free_disk": 0.0,
        "routes": {"/listen": {"sinks": ["memory"]}},
        **changes,
    }
    return load_settings(**given)


@asynccontextmanager
async def serving(made: Settings) -> AsyncIterator[Running]:
    """Serve as `listen-server serve` does, but for its signals, until the block ends."""
    app = await asyncio.to_thread(App, made)  # it reads files: not on the event loop
    options = await asyncio.to_thread(options_of, made)
    admin = app.admin if made.admin_port is not None else None
    drain = drain_of(app)
    async with running(app.asgi, admin, options, drain=drain) as bound:
        yield Running(app, bound.port, bound.admin_port or 0, drain)


async def say(socket: ClientConnection, *messages: str | bytes) -> None:
    """Send messages in order."""
    for message in messages:
        await socket.send(message)
