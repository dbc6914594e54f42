"""Who may speak for jambonz: HTTP Basic, `Jambonz-Signature`, or this machine alone.

webhooks.py and sockets.py ask. Each that is configured must be right: hooks by POST may need both,
a websocket carries no signature and a GET hook none that can be checked, so those need Basic.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import HTTPConnection

from listen_server.credentials import basic_credentials
from listen_server.jambonz.here import from_this_machine, to_this_machine
from listen_server.jambonz.signature import HEADER, WINDOW, is_signed
from listen_server.throttle import GuessThrottle

MAX_CREDENTIAL: Final = 4096  # bytes of an Authorization header that are looked at
_HOST: Final = re.compile(r"([\w.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(:[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Denied:
    """Why somebody may not, and how HTTP says it."""

    status: int
    says: str
    wait: int = 0
    """Seconds after which it may be otherwise."""

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        if self.wait:
            return {"Retry-After": str(self.wait)}
        return {"WWW-Authenticate": 'Basic realm="jambonz"'} if self.status == _UNKNOWN else {}


@dataclass(frozen=True, slots=True)
class Peer:
    """Who has come, and by which way."""

    tenant: str | None = None
    """Whose calls it brings; None where its credential does not say."""
    base: str | None = None
    """Scheme and host by which it has come, such as https://app.example.com; None if unknown."""


_UNKNOWN: Final = 401
_FORBIDDEN: Final = 403
_TOO_MANY: Final = 429


@dataclass(frozen=True)
class Access:
    """What is asked of those who bring hooks. With nothing configured, only loopback may."""

    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Passwords by user, for HTTP Basic."""
    secrets: Sequence[str] = field(default=(), repr=False)
    """Webhook secrets of the account; several, while one is exchanged."""
    check: Callable[[str, str], bool | str] | None = None
    """Another way to tell whether user and password are right; it must not block. A text is the
    tenant whose calls they are, and becomes `Call.tenant`."""
    tenant: str | None = None
    """Whose calls they are where `check` does not say."""
    window: float = WINDOW
    """Seconds that a signature may be old, or new."""
    clock: Callable[[], float] = time.time
    """Unix time."""
    names: Collection[str] = ()
    """Names of this machine besides localhost, by which hooks may come where nothing is configured.
    A served application has the name in its `Addresses.web`."""
    throttle: GuessThrottle = field(default_factory=GuessThrottle, repr=False, compare=False)
    """Slows down who guesses passwords."""

    @property
    def basic(self) -> bool:
        """Whether HTTP Basic is asked for."""
        return bool(self.users) or self.check is not None

    def before_body(self, connection: HTTPConnection, *, signed: bool) -> Denied | None:
        """Tell why a request is refused before its body is read; None if it is not.

        `signed` says that a body comes which can be signed.
        """
        if self.basic:
            return self._guess(connection)
        if self.secrets:
            why = "without HTTP Basic configured, only hooks by POST can be told from forgeries"
            return None if signed else Denied(_FORBIDDEN, why)
        if not from_this_machine(connection):
            return _NOT_HERE
        return None if to_this_machine(connection, self.names) else _OTHER_NAME

    def after_body(self, connection: HTTPConnection, body: bytes) -> Denied | None:
        """Tell why a request with this body is refused; None if it is not."""
        if not self.secrets:
            return None
        header = connection.headers.get(HEADER)
        if is_signed(header, body, self.secrets, now=self.clock(), window=self.window):
            return None
        return Denied(_FORBIDDEN, "the signature is missing, wrong or out of date")

    def peer(self, connection: HTTPConnection) -> Peer:
        """Return who has come, where nothing is refused."""
        who = self._user(connection) if self.basic else False
        return Peer(who if isinstance(who, str) else self.tenant, _base(connection))

    def _guess(self, connection: HTTPConnection) -> Denied | None:
        if (given := _given(connection)) is None:
            return _WRONG
        address = connection.client.host if connection.client else ""
        if not (wait := self.throttle.wait(given[0], address)):
            if self._user(connection):
                self.throttle.was_right(given[0], address)
                return None
            wait = self.throttle.failed(given[0], address)
        return Denied(_TOO_MANY, "too many wrong passwords", wait) if wait else _WRONG

    def _user(self, connection: HTTPConnection) -> bool | str:
        if (given := _given(connection)) is None:
            return False
        user, password = given
        known = self.users.get(user)
        right = hmac.compare_digest(_hash(password), _hash(known or "")) and known is not None
        return right or (self.check is not None and self.check(user, password))


_WRONG: Final = Denied(_UNKNOWN, "user or password wrong")
_NOT_HERE: Final = Denied(
    _FORBIDDEN, "no authentication is configured, so only this machine may bring hooks"
)
_OTHER_NAME: Final = Denied(
    _FORBIDDEN,
    "no authentication is configured, so hooks are taken for localhost alone: set public_web_url, "
    "or Addresses(web=...), to an address with the name that was asked for, or configure "
    "authentication",
)


def _given(connection: HTTPConnection) -> tuple[str, str] | None:
    """Return user and password."""
    header = connection.headers.get("authorization", "")
    return basic_credentials(header) if len(header) <= MAX_CREDENTIAL else None


def _base(connection: HTTPConnection) -> str | None:
    host = connection.headers.get("host", "")
    secure = connection.scope.get("scheme") in {"https", "wss"}
    return f"http{'s' if secure else ''}://{host}" if _HOST.fullmatch(host) else None


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
