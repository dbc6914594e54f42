"""Commands in the audit log: of the voicemail sink's index, else of one of the server's own."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import structlog

from listen_server.live.api import AuditAway
from listen_server.live.seen import SeenCall

if TYPE_CHECKING:
    from listen_sinks.voicemail.index.audit import AuditEvent

log = structlog.get_logger(__name__)
_KEY: Final = "audit.key"
_PATIENCE: Final = 2.0  # seconds for the index


@runtime_checkable
class KeepsAudit(Protocol):
    """A plugin with an index that has an audit log."""

    @property
    def database_url(self) -> str:
        """Where the index is."""

    directory: Path
    """Where the key that signs it is."""

    def derive(self, purpose: str) -> bytes | None:
        """Return a secret of all processes that share the index; None before it is open."""


class CommandAudit:
    """Writes down who commands what. Opens the index when there is the first to write."""

    def __init__(self, data_dir: Path, plugins: list[Any]) -> None:
        found = next((one for one in plugins if isinstance(one, KeepsAudit)), None)
        own = f"sqlite+aiosqlite:///{data_dir.absolute() / 'index.db'}"
        self._url = found.database_url if found else own
        self._key = (found.directory if found else data_dir) / _KEY
        self._derive = found.derive if found else _nothing
        self._opening = asyncio.Lock()
        self._opened: tuple[Any, Any] | None = None

    async def __call__(self, credential: str, call: SeenCall) -> None:
        """Write it down. Raises AuditAway."""
        from listen_sinks.api import SinkError  # noqa: PLC0415 - see _open
        from listen_sinks.voicemail.index.errors import IndexAway  # noqa: PLC0415

        try:
            async with self._opening:
                if self._opened is None:
                    self._opened = await asyncio.to_thread(self._open)
                database, audit = self._opened
            await audit.note(database, _event(credential, call))
        except (IndexAway, SinkError, OSError) as error:
            log.warning("no command: the audit log is away", error=type(error).__name__)
            raise AuditAway("the audit log is away, and no command goes without it") from error

    async def close(self) -> None:
        """Close the index."""
        if self._opened is not None:
            await self._opened[0].close()

    def _open(self) -> tuple[Any, Any]:
        # What keeps an index takes long to import, and most servers are never commanded.
        from listen_sinks.voicemail.index.audit_keys import PURPOSE  # noqa: PLC0415
        from listen_sinks.voicemail.index.audit_log import AuditLog  # noqa: PLC0415
        from listen_sinks.voicemail.index.database import Database  # noqa: PLC0415
        from listen_sinks.voicemail.index.own_secrets import audit_key  # noqa: PLC0415

        audit = AuditLog(audit_key(self._key), self._derive(PURPOSE))
        return Database(self._url, patience=_PATIENCE), audit


def _nothing(_purpose: str) -> None:
    return None


def _event(credential: str, call: SeenCall) -> "AuditEvent":
    from listen_sinks.voicemail.index.audit import AuditEvent  # noqa: PLC0415 - see _open

    stream = next((one.stream_id for one in call.streams), None)
    try:
        return AuditEvent("command", f"credential:{credential}", stream or call.tenant)
    except ValueError:  # a tenant of digits alone could be a number
        return AuditEvent("command", "credential", stream)
