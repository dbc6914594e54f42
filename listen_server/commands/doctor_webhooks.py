"""What the doctor says of webhooks: may each be gone to, and is it there? Nothing is posted."""

import asyncio
import os
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from listen_server.checks import Finding
from listen_server.settings import Settings
from listen_sinks.webhook.addresses import Inside, Unresolved, resolve
from listen_sinks.webhook.config import WebhookSettings

_PATIENCE: Final = 10.0  # seconds for a connection


def webhook_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what keeps events from their services. Blocks."""
    for name, wanted in settings.webhooks.items():
        yield asyncio.run(_reached(name, wanted))


async def _reached(name: str, wanted: WebhookSettings) -> Finding:
    """Connect as the server would: by the addresses that were checked, and by no other."""
    parts = urlsplit(wanted.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    where = f"webhook {name!r}: {host}, port {port}"
    try:
        async with asyncio.timeout(_PATIENCE):
            addresses = await resolve(host, port, wanted.allow_networks)
            await _connect(addresses, port)
    except Inside as error:
        return Finding("bad", f"{where}: {error}")
    except (Unresolved, TimeoutError) as error:
        says = str(error) or f"nothing answers within {_PATIENCE:.0f} s"
        return Finding("warn", f"{where}: {says}; events wait for it")
    except OSError as error:
        says = os.strerror(error.errno) if error.errno else type(error).__name__
        return Finding("warn", f"{where}: nothing takes connections ({says}); events wait for it")
    return Finding("ok", f"{where} takes connections; nothing was posted")


async def _connect(addresses: list[str], port: int) -> None:
    """Connect to one of them, and leave. Raises OSError, TimeoutError."""
    refused: OSError | None = None
    for address in addresses:
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError as error:
            refused = error
            continue
        writer.close()
        return
    if refused is not None:
        raise refused
