"""What keeps the root: the contract of a key provider. making.py makes one by its name.

    make_provider -> KeyProvider.open -> wrap, unwrap, rewrap -> KeyProvider.close

FORMAT.md, section 7. A provider must be able to be away: it is opened all the same, and every
call says `KeysAway` until it is back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from pydantic import BaseModel

from listen_sinks.voicemail.labels import canonical_json

ENTRY_POINT_GROUP: Final = "listen_server.key_providers"
"""An entry point in it names a class that fulfils `KeyProvider`."""


class KeysAway(Exception):  # noqa: N818 - a finding: nothing is lost, ask again later
    """The provider cannot be asked now, or will not answer us. Try again later."""


class WrongKey(Exception):  # noqa: N818 - a finding: asking again will not help
    """This root, or this context, is not the one that the value was wrapped under."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What an operator has to be told, loudly; for the log, with its fields."""

    event: str
    fields: Mapping[str, str] = field(default_factory=dict)


class KeyProvider(Protocol):
    """Wraps small secrets under a root key that only it has.

    `context` says whose the secret is; what was wrapped under one context does not unwrap under
    another. Every method may be called from any task; none blocks the event loop.
    """

    Config: ClassVar[type[BaseModel]]

    def __init__(self, config: Any, data_dir: Path) -> None:
        """Take a `Config`; relative paths in it are below `data_dir`. Do nothing yet."""

    async def open(self, *, may_create: bool = True) -> tuple[Notice, ...]:
        """Get ready; raises SinkError where the operator has to act first.

        A root that is not there is made if `may_create`: pass False where something has been
        wrapped before, so that a lost root is seen and not replaced.
        """

    async def close(self) -> None:
        """Let go of everything."""

    async def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Wrap at most a few hundred bytes under the newest root. Raises KeysAway, WrongKey."""

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Return the secret. Raises KeysAway, WrongKey."""

    async def rewrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Wrap the same secret under the newest root. Raises KeysAway, WrongKey."""


def context_bytes(context: Mapping[str, str]) -> bytes:
    """Encode a context for providers that take bytes."""
    return canonical_json(context)
