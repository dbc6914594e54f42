"""jambonz's end of an application, on both transports, against a real uvicorn."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, Self

import httpx2
import uvicorn
from harness import until
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError
from websockets.typing import Subprotocol

from listen_server.jambonz.signature import sign

SUBPROTOCOL = Subprotocol("ws.jambonz.org")
MAX_PAYLOAD = 24 * 1024  # what jambonz takes in one message
SID = "7b0c7a52-0d1f-4b36-9f5e-0a4f6f2b1c11"
CALL: dict[str, Any] = {
    "call_sid": SID,
    "direction": "inbound",
    "from": "+15551230001",
    "to": "+15551230002",
    "call_status": "trying",
    "sip_status": 100,
}


@asynccontextmanager
async def up(app: ASGIApp) -> AsyncIterator[str]:
    """Run an application under uvicorn; its address without a scheme."""
    config = uvicorn.Config(
        app,
        port=0,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started or serving.done())
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


class Platform(Protocol):
    """jambonz, whichever way it asks."""

    async def new(self, **fields: Any) -> Any:
        """Bring a call; its first verbs."""

    async def hook(self, path: str, **fields: Any) -> Any:
        """Ask a hook; its verbs."""

    async def redirect(self, path: str, **fields: Any) -> Any:
        """Ask for another application."""

    async def status(self, status: str) -> None:
        """Tell a status."""


class Http:
    """jambonz over webhooks."""

    def __init__(self, client: httpx2.AsyncClient, base: str, secret: str | None = None) -> None:
        self._client = client
        self._base = base
        self._secret = secret

    async def post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Send bytes, as they are."""
        return await self._client.post(self._base + path, content=body, headers=headers or {})

    async def new(self, **fields: Any) -> Any:
        return await self.hook("/", **fields)

    async def hook(self, path: str, **fields: Any) -> Any:
        response = await self.post(path, json.dumps({**CALL, **fields}).encode())
        assert response.status_code == 200, response.text
        return response.json()

    async def redirect(self, path: str, **fields: Any) -> Any:
        return await self.hook(path, **fields)

    async def status(self, status: str) -> None:
        assert await self.hook("/call-status", call_status=status) == []

    def signed(self, body: bytes, at: int) -> dict[str, str]:
        """Return the headers of a signed hook."""
        assert self._secret is not None
        return {"Jambonz-Signature": sign(body, self._secret, at)}


class Socket:
    """jambonz over its websocket API."""

    numbers = itertools.count(1)

    def __init__(self, connection: ClientConnection, sid: str = SID) -> None:
        self.connection = connection
        self.sid = sid
        self._acks: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self.commands: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, address: str, *, sid: str = SID, **options: Any) -> Self:
        """Connect as jambonz does."""
        connection = await connect(
            f"ws://{address}",
            subprotocols=[SUBPROTOCOL],
            compression=None,
            proxy=None,
            max_size=MAX_PAYLOAD,
            **options,
        )
        return cls(connection, sid)

    async def tell(self, kind: str, data: Any = None, *, msgid: str = "", **more: Any) -> str:
        """Say something, and wait for nothing."""
        msgid = msgid or f"m{next(self.numbers)}"
        message = {"type": kind, "msgid": msgid, "call_sid": self.sid, **more}
        self._acks.setdefault(msgid, asyncio.get_running_loop().create_future())
        await self.connection.send(json.dumps({**message, "data": data or {}}))
        return msgid

    async def ask(self, kind: str, data: Any = None, **more: Any) -> dict[str, Any]:
        """Say something, and wait for its ack."""
        msgid = await self.tell(kind, data, **more)
        async with asyncio.timeout(5):
            return await self._acks[msgid]

    async def new(self, **fields: Any) -> Any:
        ack = await self.ask("session:new", {**CALL, "call_sid": self.sid, **fields})
        return ack["data"]

    async def hook(self, path: str, **fields: Any) -> Any:
        ack = await self.ask("verb:hook", {**CALL, "call_sid": self.sid, **fields}, hook=path)
        return ack["data"]

    async def redirect(self, path: str, **fields: Any) -> Any:
        data = {**CALL, "call_sid": self.sid, **fields}
        return (await self.ask("session:redirect", data, hook=path))["data"]

    async def status(self, status: str) -> None:
        await self.tell("call:status", {**CALL, "call_sid": self.sid, "call_status": status})

    async def closed(self) -> int:
        """Wait for the other end to close; its code."""
        async with asyncio.timeout(5):
            await self.connection.wait_closed()
        assert self.connection.close_code is not None
        return self.connection.close_code

    async def close(self, code: int = 1000) -> None:
        """Close, as jambonz does when the call is over."""
        await self.connection.close(code)
        await self._reading

    async def drop(self) -> None:
        """Vanish."""
        self.connection.transport.abort()
        await self.connection.wait_closed()
        await self._reading

    async def _read(self) -> None:
        with suppress(ConnectionClosedError):
            async for text in self.connection:
                message = json.loads(text)
                if message["type"] == "ack":
                    answered = self._acks[message["msgid"]]
                    if not answered.done():
                        answered.set_result(message)
                else:
                    await self.commands.put(message)
