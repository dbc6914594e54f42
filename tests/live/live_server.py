"""A server with calls on it, as jambonz and the users of its API meet it."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from harness import Running, say, serving, settings, until
from jambonz.peer import Socket
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from listen_server.credentials import CredentialStore, NewCredential, Scope

SID = "7b0c7a52-0d1f-4b36-9f5e-0a4f6f2b1c11"
LEG = "c2f5b7a0-1111-4222-8333-944455556666"
METADATA = {"sampleRate": 8000, "mixType": "mono", "callSid": SID, "accountSid": "acc-1"}
PAUSE = {"command": "listen:status", "data": {"listen_status": "pause"}}
HERE = str(Path(__file__).parent)
DESK = {"/desk": {"application": "desk_app:Desk", "tenant": "acme"}}


@dataclass
class Api:
    """The API of a server, for one credential."""

    server: Running
    credential: NewCredential
    client: httpx2.AsyncClient

    @property
    def auth(self) -> tuple[str, str]:
        return self.credential.credential.user, self.credential.secret

    async def calls(self) -> Any:
        answer = await self.client.get(self._url(), auth=self.auth)
        assert answer.status_code == 200
        return answer.json()["calls"]

    async def command(self, body: Any, sid: str = SID, **options: Any) -> httpx2.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"{self._url()}/{sid}/commands"
        return await self.client.post(url, content=content, **{"auth": self.auth, **options})

    def _url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/api/v1/calls"

    def headers(self) -> dict[str, str]:
        given = b64encode(":".join(self.auth).encode()).decode()
        return {"Authorization": f"Basic {given}"}


@asynccontextmanager
async def api(data_dir: Path, **changes: Any) -> AsyncIterator[Api]:
    credential = await asyncio.to_thread(made, data_dir, "acme", ("listen", "api"))
    changes = {"open": False, "applications": DESK, **changes}
    ready = await asyncio.to_thread(lambda: settings(data_dir, **changes))
    async with serving(ready) as server, httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        yield Api(server, credential, client)


def made(data_dir: Path, tenant: str, scopes: tuple[Scope, ...]) -> NewCredential:
    return CredentialStore(data_dir).add(tenant, scopes)


@asynccontextmanager
async def stream(on: Api, **metadata: Any) -> AsyncIterator[Any]:
    """Be on a call that is streamed."""
    async with on.server.connect(additional_headers=on.headers()) as socket:
        await say(socket, json.dumps({**METADATA, **metadata}), bytes(320))
        live = on.server.app.live
        await until(lambda: any(one.streams for one in live.of("acme")))
        yield socket


@asynccontextmanager
async def application(on: Api, sid: str = SID) -> AsyncIterator[Socket]:
    """Be jambonz, with the application's socket of a call."""
    address = f"127.0.0.1:{on.server.port}/desk"
    socket = await Socket.open(address, sid=sid, additional_headers=on.headers())
    try:
        await socket.new()
        yield socket
    finally:
        await socket.connection.close()


@dataclass
class RestApi:
    """jambonz's REST API: what it was asked, and what it answers."""

    status: int = 202
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        token = request.headers["authorization"]
        self.asked.append((request.url.path, token, await request.json()))
        return Response(status_code=self.status)


@asynccontextmanager
async def rest_api() -> AsyncIterator[tuple[RestApi, dict[str, Any]]]:
    answers = RestApi()
    app = Starlette(routes=[Route("/v1/{path:path}", answers.answer, methods=["PUT"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield answers, {"acme": {"url": f"http://127.0.0.1:{port}/v1", "token": "key-1"}}
    finally:
        server.should_exit = True
        await task
