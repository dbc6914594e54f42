"""jambonz over HTTP: each hook a signed request, its answer the verbs. sockets.py is the other.

What is sent and what is taken for an answer: lib/utils/http-requestor.js and base-requestor.js of
jambonz-feature-server 0.9.8. A GET has a query on older servers alone.
"""

import json
import time
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from listen_server.jambonz.model import Webhook
from listen_server.jambonz.signature import sign
from listen_server.simulator.platform.clients import HttpClient
from listen_server.simulator.platform.info import Server, shaped
from listen_server.simulator.platform.rules import Refusal
from listen_server.simulator.platform.transport import AppAddress, Hook, Kind, path_in

_TAKEN: Final = (200, 202, 204)
_NO_HOOK_BY_HTTP: Final = ("jambonz:error", "verb:status")


class Webhooks:
    """The application at an http address."""

    def __init__(self, address: AppAddress, server: Server) -> None:
        self.base: Final = origin(address.url)
        self.call_sid = ""
        self._address = address
        self._server = server
        self._client = HttpClient()

    @property
    def lasting(self) -> bool:
        """Never: over HTTP the application says something only when it is asked."""
        return False

    async def begin(self, told: dict[str, Any]) -> Any:
        """Ask for the application. Raises Refusal."""
        given = self._address
        hook = Webhook(url=given.url, method=given.method)
        if given.method == "GET":
            told = {key: value for key, value in told.items() if key != "sip"}
        return await self.ask("session:new", hook, told)

    async def ask(self, kind: Kind, hook: Hook, told: dict[str, Any]) -> Any:
        """Ask a hook; return its JSON, None if it has none. Raises Refusal."""
        del kind  # the path says it
        url = hook.url if isinstance(hook, Webhook) else hook
        method = hook.method if isinstance(hook, Webhook) else "POST"
        body = json.dumps(shaped(told, self._server), separators=(",", ":")).encode()
        whole = f"{self.base}{url}" if url.startswith("/") else url
        if not whole.startswith("http"):
            raise Refusal("reachable", f"{path_in(whole)} is at no http address")
        try:
            client = await self._client.made()
            response = await client.request(
                method,
                whole,
                content=body if method == "POST" else None,
                params=self._query(told) if method == "GET" and self._server == "old" else None,
                headers=self._headers(hook, body, method),
            )
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise Refusal("reachable", f"{path_in(whole)}: {_why(error)}") from None
        if response.status_code not in _TAKEN:
            said = f"{path_in(whole)} was answered with {response.status_code}"
            raise Refusal("status", said)
        if "application/json" not in response.headers.get("content-type", ""):
            return None
        try:
            return response.json()
        except (ValueError, RecursionError):
            raise Refusal("array", "the answer says it is JSON, and is not") from None

    async def tell(self, kind: Kind, hook: Hook, told: dict[str, Any]) -> None:
        """Tell what wants no answer; a failure is nobody's."""
        if kind in _NO_HOOK_BY_HTTP:
            return
        try:
            await self.ask(kind, hook, told)
        except Refusal:
            return

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _headers(self, hook: Hook, body: bytes, method: str) -> dict[str, str]:
        del hook  # credentials of a hook's own are not used: only those of the application are
        headers = {"user-agent": "jambonz"}
        if method == "POST":
            headers["content-type"] = "application/json"
        if self._address.secret:
            headers["Jambonz-Signature"] = sign(body, self._address.secret, int(time.time()))
        if (basic := self._address.basic) is not None:
            headers["Authorization"] = basic
        return headers

    @staticmethod
    def _query(told: dict[str, Any]) -> dict[str, str]:
        return {key: str(value) for key, value in told.items() if isinstance(value, str | int)}


def origin(url: str) -> str:
    """Return scheme, host and port: what jambonz puts before a relative url."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _why(error: Exception) -> str:
    return "no answer in time" if isinstance(error, httpx2.TimeoutException) else "not reachable"
