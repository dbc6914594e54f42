"""jambonz's REST API, as far as it changes simulated calls: `PUT /Accounts/{sid}/Calls/{sid}`.

What is refused and what is done: `validateUpdateCall` in lib/routes/api/accounts.js of
jambonz-api-server of April 2026; lib/http-routes/api/update-call.js and `updateCall` in
lib/session/call-session.js of jambonz-feature-server 0.9.8. updating.py does it.
"""

import asyncio
import hmac
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any, Final

from listen_server.simulator.platform.rules import Refusal
from listen_server.simulator.platform.session import Session
from listen_server.simulator.platform.updating import Answer, check_update, update

_CALL: Final = re.compile(r"(?:/[\w.-]+)*/Accounts/([\w-]+)/Calls/([\w-]+)")
_LARGEST: Final = 2**16  # bytes of a head, and of a body
_PATIENCE: Final = 10.0  # seconds for a request
_FAULTS: Final = (
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    RecursionError,
    TimeoutError,
    ValueError,
)
"""What a request may raise that is none."""


class RestApi:
    """The API, for all calls that are on. `rest_api` serves it."""

    def __init__(self, token: str) -> None:
        self.url = ""
        """Its address, for `[jambonz.TENANT] url`."""
        self._token = token
        self._sessions: set[Session] = set()

    @contextmanager
    def knowing(self, session: Session) -> Iterator[None]:
        """Let a call be changed for as long as the block goes on."""
        self._sessions.add(session)
        try:
            yield
        finally:
            self._sessions.discard(session)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request of one connection."""
        try:
            async with asyncio.timeout(_PATIENCE):
                status, said = await self._answer(*await _request(reader))
        except _FAULTS:
            status, said = HTTPStatus.BAD_REQUEST, {"msg": "not understood"}
        body = b"" if said is None else json.dumps(said).encode()
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        try:
            await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    async def _answer(self, line: str, headers: dict[str, str], body: bytes) -> Answer:
        method, path, _ = line.split(" ", 2)
        given = headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            return HTTPStatus.UNAUTHORIZED, None
        found = _CALL.fullmatch(path)
        if method not in ("PUT", "POST") or found is None:
            return HTTPStatus.NOT_FOUND, None
        return await self._change(found[1], found[2], json.loads(body))

    async def _change(self, account_sid: str, call_sid: str, change: Any) -> Answer:
        session = next((one for one in self._sessions if one.has_leg(call_sid)), None)
        try:
            check_update(change)
        except Refusal as refusal:
            if session is not None:
                session.refuse(refusal)
            return HTTPStatus.BAD_REQUEST, {"msg": str(refusal)}
        if session is None or session.info.account_sid != account_sid:
            return HTTPStatus.NOT_FOUND, None
        return await update(session, change, call_sid)


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = head[:-4].split("\r\n")
    pairs = (field.partition(":") for field in fields)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    size = int(headers.get("content-length", "0"))
    if not 0 <= size <= _LARGEST:
        raise ValueError("it is too large")
    return line, headers, await reader.readexactly(size)


@asynccontextmanager
async def rest_api(token: str, *, port: int = 0) -> AsyncIterator[RestApi]:
    """Serve the API on this machine for as long as the block goes on; `Order.rest` takes it."""
    api = RestApi(token)
    server = await asyncio.start_server(api.serve, "127.0.0.1", port, limit=_LARGEST)
    api.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield api
    finally:
        server.close()
