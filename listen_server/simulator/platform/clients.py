"""The HTTP client of a simulated call: webhooks.py asks with it, fetching.py fetches files."""

import asyncio
import ssl
from functools import cache
from typing import Final

import httpx2

_PATIENCE: Final = 10.0  # seconds; HTTP_TIMEOUT of jambonz


class HttpClient:
    """Made when it is first wanted: making one reads files."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None
        self._making = asyncio.Lock()

    async def made(self) -> httpx2.AsyncClient:
        """Return the client."""
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(_client)
            return self._client

    async def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._client.aclose()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()  # takes longer than a call


def _client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        verify=_tls(), trust_env=False, timeout=_PATIENCE, headers={"user-agent": "jambonz"}
    )
