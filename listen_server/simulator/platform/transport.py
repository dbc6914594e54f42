"""How jambonz reaches an application: what webhooks.py and sockets.py have in common."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from listen_server.jambonz.model import Webhook, path_of

Hook: TypeAlias = Webhook | str
Kind: TypeAlias = Literal[
    "session:new",
    "session:reconnect",
    "session:redirect",
    "session:adulting",
    "verb:hook",
    "dial:confirm",
    "call:status",
    "verb:status",
    "queue:status",
    "jambonz:error",
]
CommandTaker: TypeAlias = Callable[[dict[str, Any]], None]
Noticer: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppAddress:
    """Where the application is, and what is shown to it."""

    url: str
    method: Literal["GET", "POST"] = "POST"
    username: str = ""
    password: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    """The webhook secret of the account; without one nothing is signed."""

    @property
    def basic(self) -> str | None:
        """The header for HTTP Basic; both parts must be there."""
        if not self.username or not self.password:
            return None
        joined = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(joined).decode()}"


def path_in(url: str) -> str:
    """Return the path of an address; a question mark if it is none."""
    try:
        return path_of(url)
    except ValueError:
        return "?"


class Transport(Protocol):
    """The application, as one call reaches it."""

    call_sid: str

    @property
    def base(self) -> str:
        """What is put before a relative url."""

    @property
    def lasting(self) -> bool:
        """Whether it can say something unasked, so that a call without verbs waits for it."""

    async def begin(self, told: dict[str, Any]) -> Any:
        """Ask for the application. Raises Refusal."""

    async def ask(self, kind: Kind, hook: Hook, told: dict[str, Any]) -> Any:
        """Ask a hook for verbs. Raises Refusal."""

    async def tell(self, kind: Kind, hook: Hook, told: dict[str, Any]) -> None:
        """Tell what wants no answer."""

    async def close(self) -> None:
        """End it, as jambonz does after a call."""
