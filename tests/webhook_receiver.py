"""A service that receives webhooks: a real HTTP server, which verifies, and fails as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from ports import port_of
from standardwebhooks import Webhook as StandardWebhook

from listen_sinks.webhook.config import WebhookSettings

SECRET = "whsec_" + "QUJD" * 10
OTHER_SECRET = "whsec_" + "WFla" * 10
HERE = "127.0.0.0/8"


@dataclass
class Received:
    """One request that was signed as it should be."""

    id: str
    path: str
    headers: dict[str, str]
    body: bytes
    told: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.told = json.loads(self.body)


def ok(_received: Received) -> int:
    return 204


@dataclass
class Receiver:
    """What came, in order; `answer` says with which status, or with which whole response."""

    secret: str = SECRET
    answer: Callable[[Received], int | bytes | Awaitable[int]] = ok
    received: list[Received] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)  # ids that were answered with 2xx
    connections: int = 0
    port: int = 0
    _something: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events?from=listen-server"

    def settings(self, **changes: Any) -> WebhookSettings:
        given = {"url": self.url, "secret": self.secret, "allow_networks": [HERE], "timeout": 30}
        return WebhookSettings.model_validate({**given, **changes})

    def told(self, key: str = "type") -> list[Any]:
        return [one.told[key] for one in self.received]

    async def until(self, enough: Callable[[], bool], seconds: float = 60.0) -> None:
        async with asyncio.timeout(seconds):
            while not enough():
                self._something.clear()
                await self._something.wait()

    async def until_accepted(self, count: int) -> None:
        await self.until(lambda: len(self.accepted) >= count)

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator["Receiver"]:
        handlers: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = asyncio.create_task(self._serve(reader, writer))
            handlers.add(task)
            task.add_done_callback(handlers.discard)

        self.port = self.port or port_of(self)
        server = await asyncio.start_server(connected, "127.0.0.1", self.port, **options)
        try:
            yield self
        finally:
            server.close()
            for task in list(handlers):
                task.cancel()
            await asyncio.gather(*handlers, return_exceptions=True)
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while True:
                    await self._take(await read_request(reader), writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _take(self, one: Received, writer: asyncio.StreamWriter) -> None:
        StandardWebhook(self.secret).verify(one.body, one.headers)
        self.received.append(one)
        self._something.set()
        answer = self.answer(one)
        if not isinstance(answer, int | bytes):
            answer = await answer
        if isinstance(answer, int):
            if 200 <= answer < 300:
                self.accepted.append(one.id)
                self._something.set()
            answer = f"HTTP/1.1 {answer} Said\r\ncontent-length: 0\r\n\r\n".encode()
        writer.write(answer)
        await writer.drain()


async def read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    request, *lines = head.strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in headers.items()}
    body = await reader.readexactly(int(headers["content-length"]))
    return Received(headers["webhook-id"], request.split()[1], headers, body)
