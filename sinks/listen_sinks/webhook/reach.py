"""The way to one service by HTTP: its name is looked up apart, and an address is connected to.

addresses.py and names.py look up; target.py and ../transcript/hook.py say what is posted. What
httpx would look up itself waits in the event loop's common threads, where files are read as well.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

LookUp: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host for a port, at least one. Raises Inside, Unresolved."""
_BODY_TIME: Final = 0.5  # seconds for the rest of an answer
_MOST_READ: Final = 2**14  # bytes of an answer; a longer one costs the connection


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service has said."""

    status: int
    retry_after: str = ""


class Reach:
    """A service under an address that is one."""

    def __init__(
        self, url: str, look_up: LookUp, *, connect: float, ca_file: Path | None = None
    ) -> None:
        """Take how long an address may take to be connected to, in seconds.

        `ca_file` has certificates to trust instead of the system's.
        """
        self._url = url
        self._look_up = look_up
        self._connect = connect
        self._ca_file = ca_file
        self._client: Any = None
        self._parts: Any = None
        self.away: tuple[type[Exception], ...] = ()
        """What `post` raises where the service is not reached."""
        self._unconnected: tuple[type[Exception], ...] = ()

    async def open(self) -> None:
        """Get ready; the service may be away.

        Raises OSError for the file, ValueError with a sentence for the url.
        """
        await asyncio.to_thread(self._make_client)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Post once. Raises Inside, Unresolved, and what is in `away`."""
        port = self._parts.port or (443 if self._parts.scheme == "https" else 80)
        addresses = await self._look_up(self._host, port)
        for address in addresses[:-1]:
            with suppress(*self._unconnected):  # nothing was sent
                return await self._post(address, headers, body)
        return await self._post(addresses[-1], headers, body)

    @property
    def _host(self) -> str:
        return str(self._parts.raw_host.decode())

    async def _post(self, address: str, headers: Mapping[str, str], body: bytes) -> Reply:
        request = self._client.stream(
            "POST",
            self._parts.copy_with(host=address),
            content=body,
            headers={"host": self._parts.netloc.decode(), **headers},
            extensions={"sni_hostname": self._host},  # whose certificate it has to have
        )
        async with request as response:
            with suppress(TimeoutError, *self.away):  # the status has been said
                async with asyncio.timeout(_BODY_TIME):
                    await _read(response)
            return Reply(response.status_code, response.headers.get("retry-after", ""))

    def _make_client(self) -> None:
        import httpx2  # noqa: PLC0415 - only who has such a service waits for its import

        for library in ("httpx2", "httpcore2"):
            logging.getLogger(library).setLevel("WARNING")  # below, they name addresses
        self.away = (httpx2.HTTPError, httpx2.InvalidURL, OSError)
        self._unconnected = (httpx2.ConnectError, httpx2.ConnectTimeout)
        try:
            self._parts = httpx2.URL(self._url).copy_with(fragment=None)
        except httpx2.InvalidURL as error:
            raise ValueError("the url is no address") from error
        if not self._parts.host:
            raise ValueError("the url names no host")
        self._client = httpx2.AsyncClient(
            verify=ssl.create_default_context(cafile=self._ca_file),
            # All of it together has a time, elsewhere; an address that is dead leaves some of it.
            timeout=httpx2.Timeout(None, connect=self._connect),
            trust_env=False,  # no proxy: it would resolve the name anew
            follow_redirects=False,
            headers={"user-agent": "listen-server"},
        )


async def _read(response: Any) -> None:
    """Read what is said besides: a connection is used again if it is little."""
    read = 0
    async for piece in response.aiter_raw():
        read += len(piece)
        if read > _MOST_READ:
            return
