"""An application that answers what a test says, right or wrong, over both transports."""

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from inspect import isawaitable
from typing import Any

import numpy as np
import uvicorn
from harness import until
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from listen_codecs.files import write_audio
from listen_codecs.formats import AudioBlock
from listen_server.simulator.platform import AppAddress, Order, Outcome, place, read_script

Message = dict[str, Any]
CALLED = "+15550100002"
LONG = {"verb": "pause", "length": 100}
HANGUP = {"verb": "hangup"}


class RawApp:
    """`answers` has verbs by path, or a function of the payload; `/` is the call.

    Over the websocket, `writes` has what is written before the ack of a path.
    """

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.files: dict[str, bytes] = {}
        """Audio by path."""
        self.missing: set[str] = set()
        self.writes: dict[str, list[Any]] = {}
        self.asked: list[tuple[str, Message]] = []
        self.said: list[Message] = []
        """Messages of the websocket."""
        self.requests: list[Request] = []
        self.status = 200
        self.subprotocol: str | None = "ws.jambonz.org"
        self.silent = False
        self.sockets = 0
        self.paths: list[str] = []
        """Where sockets were opened."""
        self.refuses_after = 10**9
        """Sockets that it takes; each further one is refused."""
        self.reconnect_verbs: Any = None
        self.audio = 0
        """Bytes of audio that came to it as a listen server."""
        self.audio_limit = 10**9
        self.url = ""

    @property
    def asgi(self) -> Starlette:
        http = Route("/{path:path}", self._http, methods=["GET", "POST"])
        return Starlette(routes=[http, WebSocketRoute("/{path:path}", self._socket)])

    def told(self, path: str) -> list[Message]:
        """Return the payloads of a path."""
        return [told for where, told in self.asked if where == path]

    def kinds(self, kind: str) -> list[Any]:
        """Return the data of messages of a type."""
        return [message["data"] for message in self.said if message["type"] == kind]

    async def _answer(self, path: str, told: Message) -> Any:
        self.asked.append((path, told))
        answer = self.answers.get(path, [])
        given = answer(told) if callable(answer) else answer
        return await given if isawaitable(given) else given

    async def _http(self, request: Request) -> Response:
        self.requests.append(request)
        if request.url.path in self.missing:
            return Response(status_code=404)
        if (audio := self.files.get(request.url.path)) is not None:
            return Response(audio, media_type="audio/wav")
        body = await request.body()
        told = json.loads(body) if body else dict(request.query_params)
        answer = await self._answer(f"/{request.path_params['path']}", told)
        return JSONResponse(answer, self.status)

    async def _socket(self, websocket: WebSocket) -> None:
        if "audio.jambonz.org" in websocket.scope["subprotocols"]:
            await self._listen(websocket)
            return
        self.paths.append(websocket.url.path)
        self.sockets += 1
        if self.sockets > self.refuses_after:
            await websocket.close()
            return
        await websocket.accept(subprotocol=self.subprotocol)
        try:
            while True:
                await self._take(websocket, json.loads(await websocket.receive_text()))
        except (WebSocketDisconnect, RuntimeError):
            return

    async def _listen(self, websocket: WebSocket) -> None:
        await websocket.accept(subprotocol="audio.jambonz.org")
        while (event := await websocket.receive())["type"] != "websocket.disconnect":
            self.audio += len(event.get("bytes") or b"")
            if self.audio >= self.audio_limit:
                await websocket.close()
                return

    async def _take(self, websocket: WebSocket, message: Message) -> None:
        self.said.append(message)
        path = message.get("hook", "/" if message["type"].startswith("session:") else "")
        if message["type"] == "session:reconnect":
            ack = {"type": "ack", "msgid": message["msgid"], "data": self.reconnect_verbs}
            await websocket.send_json(ack)
        elif path and not self.silent:
            answer = await self._answer(path, message["data"])
            for text in self.writes.pop(path, []):
                if isinstance(text, int):
                    await websocket.close(text)
                    return
                await websocket.send_text(text if isinstance(text, str) else json.dumps(text))
            await websocket.send_json({"type": "ack", "msgid": message["msgid"], "data": answer})


@asynccontextmanager
async def raw_app(answers: dict[str, Any], scheme: str = "http") -> AsyncIterator[RawApp]:
    app = RawApp(answers)
    server = uvicorn.Server(
        uvicorn.Config(
            app.asgi,
            port=0,
            ws="websockets-sansio",
            log_config=None,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup()  # without its loop, which looks every 0.1 s whether it is over
    port = server.servers[0].sockets[0].getsockname()[1]
    app.url = f"{scheme}://127.0.0.1:{port}"
    try:
        yield app
    finally:
        # not `shutdown`, which waits for 0.1 s whatever is left
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        await until(lambda: not server.server_state.connections)


def wav(seconds: float, sample_rate: int = 8000, *, channels: int = 1) -> tuple[bytes, AudioBlock]:
    """Return a WAV file of noise, and its samples."""
    frames = round(seconds * sample_rate)
    block = np.random.default_rng(7).integers(-9000, 9000, (channels, frames), np.int16)
    file = io.BytesIO()
    write_audio(file, [block], sample_rate, channels, "wav")
    return file.getvalue(), block


async def called(url: str, *lines: str, **order: Any) -> Outcome:
    """Place a call, with lines of a script."""
    app = order.pop("app", None) or AppAddress(url=url)
    return await place(Order(app=app, to=CALLED, script=read_script(lines), **order))


async def played(answers: dict[str, Any] | list[Any], *lines: str, **order: Any) -> Outcome:
    """Place a call to an application of raw JSON, over webhooks."""
    made = answers if isinstance(answers, dict) else {"/": answers}
    async with raw_app(made) as app:
        return await called(app.url, *lines, **order)


def dialogue(outcome: Outcome, *, who: str = "") -> list[str]:
    """Return what happened, without times; of one side, if it is named."""
    lines = outcome.screenplay.lines
    return [line.what for line in lines if not who or line.who == who]


def at(outcome: Outcome, what: str) -> float:
    """Return when something happened first."""
    return next(line.at for line in outcome.screenplay.lines if what in line.what)


def command(name: str, data: Any, **more: Any) -> Message:
    return {"type": "command", "command": name, "data": data, **more}


Answer = Callable[[Message], Any]
