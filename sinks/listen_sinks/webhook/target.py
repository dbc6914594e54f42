"""One service that receives events: a signed POST, to an address that was checked, and its answer.

    config.py -> Target.post(id, body) -> Answer        https://www.standardwebhooks.com

Knows nothing of outboxes and streams: deliverer.py and line.py try again. reach.py connects.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from standardwebhooks import Webhook

from listen_sinks.api import SinkError
from listen_sinks.webhook.addresses import Inside, Unresolved, resolve
from listen_sinks.webhook.answers import Answer
from listen_sinks.webhook.config import TargetConfig, check_secret
from listen_sinks.webhook.events import Event
from listen_sinks.webhook.reach import Reach

_GONE: Final = 410
_BUSY: Final = (429, 503)  # which may say when to come back
_LONGEST_ASKED: Final = 3600.0  # seconds
_JSON: Final = {"content-type": "application/json"}


class Target:
    """A service. `folder` is what file names in the configuration are relative to."""

    def __init__(self, name: str, config: TargetConfig, folder: Path) -> None:
        self.name = name
        self._config = config
        self._folder = folder
        self._ca_file = folder / config.ca_file if config.ca_file else None
        self._reach = Reach(
            config.url, self._look_up, connect=config.timeout / 3, ca_file=self._ca_file
        )

    async def open(self) -> None:
        """Get ready; the service may be away. Raises SinkError for the operator."""
        try:
            await self._reach.open()
        except OSError as error:
            raise SinkError(
                f"webhook {self.name!r}: ca_file {self._ca_file}: {error.strerror or error}"
            ) from error
        await self._secrets()

    async def close(self) -> None:
        """Close the connections."""
        await self._reach.close()

    async def tell(self, event: Event) -> Answer:
        """Deliver an event. Never raises for the service."""
        return await self.post(event.id, event.body())

    async def post(self, event: str, body: str) -> Answer:
        """Deliver a body under an id, which is the same each time. Never raises for the service."""
        try:
            headers = sign(await self._secrets(), event, body)
            async with asyncio.timeout(self._config.timeout):
                reply = await self._reach.post({**_JSON, **headers}, body.encode())
        except (Inside, Unresolved, SinkError) as error:
            return Answer("later", str(error)[:64])
        except TimeoutError:
            return Answer("later", "no answer in time")
        except self._reach.away as error:
            return Answer("later", type(error).__name__)
        return judged(reply.status, reply.retry_after)

    async def _look_up(self, host: str, port: int) -> list[str]:
        return await resolve(host, port, self._config.allow_networks)

    async def _secrets(self) -> list[str]:
        """Return what signs. Raises SinkError if the file has none."""
        if self._config.secret:  # there is nothing to wait for
            return [secret.get_secret_value() for secret in self._config.secret]
        return await asyncio.to_thread(secrets_of, self.name, self._config, self._folder)


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
