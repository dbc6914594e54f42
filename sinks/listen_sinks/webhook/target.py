"""One service that receives events: a signed POST, to an address that was checked, and its answer.

    config.py -> Target.post(id, body) -> Answer        https://www.standardwebhooks.com

Knows nothing of outboxes and streams: deliverer.py and line.py try again.
"""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from standardwebhooks import Webhook

from listen_sinks.api import SinkError
from listen_sinks.webhook.addresses import Inside, Unresolved, resolve
from listen_sinks.webhook.answers import Answer
from listen_sinks.webhook.config import TargetConfig, check_secret
from listen_sinks.webhook.events import Event

_GONE: Final = 410
_BUSY: Final = (429, 503)  # which may say when to come back
_LONGEST_ASKED: Final = 3600.0  # seconds
_BODY_TIME: Final = 0.5  # seconds for the rest of an answer
_MOST_READ: Final = 2**14  # bytes of an answer; a longer one costs the connection


class Target:
    """A service. `folder` is what file names in the configuration are relative to."""

    def __init__(self, name: str, config: TargetConfig, folder: Path) -> None:
        self.name = name
        self._config = config
        self._folder = folder
        parts = urlsplit(config.url)
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"host": parts.netloc, "content-type": "application/json"}
        self._client: Any = None
        self._away: tuple[type[Exception], ...] = ()
        self._unconnected: tuple[type[Exception], ...] = ()

    async def open(self) -> None:
        """Get ready; the service may be away. Raises SinkError for the operator."""
        self._client = await asyncio.to_thread(self._make_client)
        await self._secrets()

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def tell(self, event: Event) -> Answer:
        """Deliver an event. Never raises for the service."""
        return await self.post(event.id, event.body())

    async def post(self, event: str, body: str) -> Answer:
        """Deliver a body under an id, which is the same each time. Never raises for the service."""
        try:
            headers = sign(await self._secrets(), event, body)
            async with asyncio.timeout(self._config.timeout):
                addresses = await resolve(self._host, self._port, self._config.allow_networks)
                return await self._post_to_one(addresses, headers, body)
        except (Inside, Unresolved, SinkError) as error:
            return Answer("later", str(error)[:64])
        except TimeoutError:
            return Answer("later", "no answer in time")
        except self._away as error:
            return Answer("later", type(error).__name__)

    async def _post_to_one(
        self, addresses: Sequence[str], headers: dict[str, str], body: str
    ) -> Answer:
        for address in addresses[:-1]:
            with suppress(*self._unconnected):  # nothing was sent
                return await self._post(address, headers, body)
        return await self._post(addresses[-1], headers, body)

    async def _post(self, address: str, headers: dict[str, str], body: str) -> Answer:
        import httpx2  # noqa: PLC0415 - only who has webhooks waits for its import

        host = f"[{address}]" if ":" in address else address
        request = self._client.stream(
            "POST",
            httpx2.URL(f"{self._scheme}://{host}:{self._port}{self._path}"),
            content=body.encode(),
            headers={**self._headers, **headers},
            extensions={"sni_hostname": self._host},  # whose certificate it has to have
        )
        async with request as response:
            with suppress(TimeoutError, *self._away):  # the status has been said
                async with asyncio.timeout(_BODY_TIME):
                    await _read(response)
            return judged(response.status_code, response.headers.get("retry-after", ""))

    async def _secrets(self) -> list[str]:
        """Return what signs. Raises SinkError if the file has none."""
        if self._config.secret:  # there is nothing to wait for
            return [secret.get_secret_value() for secret in self._config.secret]
        return await asyncio.to_thread(secrets_of, self.name, self._config, self._folder)

    def _make_client(self) -> Any:
        import httpx2  # noqa: PLC0415 - takes time

        for library in ("httpx2", "httpcore2"):
            logging.getLogger(library).setLevel("WARNING")  # below, they name addresses
        self._away = (httpx2.HTTPError, httpx2.InvalidURL, OSError)
        self._unconnected = (httpx2.ConnectError, httpx2.ConnectTimeout)
        ca_file = self._folder / self._config.ca_file if self._config.ca_file else None
        try:
            trust = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise SinkError(
                f"webhook {self.name!r}: ca_file {ca_file}: {error.strerror or error}"
            ) from error
        return httpx2.AsyncClient(
            verify=trust,
            # All of it together has a time, in `post`; an address that is dead leaves some of it.
            timeout=httpx2.Timeout(None, connect=self._config.timeout / 3),
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


def secrets_of(name: str, config: TargetConfig, folder: Path) -> list[str]:
    """Read what signs for a service. Blocks. Raises SinkError if its file has nothing."""
    if config.secret:
        return [secret.get_secret_value() for secret in config.secret]
    path = folder / (config.secret_file or "")
    try:
        return [check_secret(line) for line in path.read_text("ascii").split() or [""]]
    except (OSError, ValueError) as error:
        why = f": {error.strerror}" if isinstance(error, OSError) else ""
        raise SinkError(f"webhook {name!r}: secret_file has no secret: {path}{why}") from error


def sign(secrets: Sequence[str], event: str, body: str) -> dict[str, str]:
    """Return the headers that say who sends this, and that it is whole."""
    now = datetime.now(UTC)
    signatures = [Webhook(secret).sign(event, now, body) for secret in secrets]
    return {
        "webhook-id": event,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def judged(status: int, retry_after: str = "") -> Answer:
    """Say what a status means. A redirect is not followed: it is no delivery."""
    if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110, section 15.3
        return Answer("done", str(status))
    if status == _GONE:
        return Answer("gone", str(status))
    asked = float(retry_after) if status in _BUSY and retry_after.isdecimal() else 0.0
    return Answer("later", str(status), min(asked, _LONGEST_ASKED))
