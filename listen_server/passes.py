"""Passes: a user and a password for one stream, made by this server for a caller whom it sends.

    Pass(tenant, mailbox, ticket, kind) --issue--> wsAuth of a listen verb --check--> the same Pass

Nothing is stored: the user says all of it, the password is its keyed digest, and the ticket says
when it was made. Not even an operator's credential can say what a pass does. admission.py asks.
"""

import hmac
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias, runtime_checkable

from ulid import ULID

Kind: TypeAlias = Literal["message", "greeting"]

LIFETIME: Final = 900.0
"""Seconds from the moment that is in the ticket."""
SKEW: Final = 60.0  # seconds that another process's clock may be ahead
PURPOSE: Final = "passes"
"""What the secret is derived for."""

_KINDS: Final[dict[str, Kind]] = {"m": "message", "g": "greeting"}
_DIGEST: Final = 12  # bytes: 96 bits, for a quarter of an hour, and throttled
_USER: Final = re.compile(r"([a-z0-9][a-z0-9-]{0,22})~([mg])([\w-]{22})([\w-]{22})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pass:
    """What a stream is for. The ids are ULIDs; the ticket finds what comes of it."""

    tenant: str
    mailbox: str
    ticket: str
    kind: Kind = "message"

    @property
    def granted(self) -> dict[str, str]:
        """Return it as sinks get it: `Call.granted`."""
        return {"mailbox": self.mailbox, "ticket": self.ticket, "kind": self.kind}


@runtime_checkable
class Derives(Protocol):
    """A sink's plugin that has a secret of its own, and streams that come with a pass."""

    def derive(self, purpose: str) -> bytes | None:
        """Return 32 bytes for a purpose, the same in all processes; None before it is open."""


class Passes:
    """Makes passes, and tells those that it made. A pure function of secret and clock."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def issue(self, granted: Pass) -> tuple[str, str]:
        """Return user and password: at most 86 bytes with the colon, and jambonz takes 90.

        Raises ValueError for a tenant that no credential has, or what is no ULID.
        """
        letter = next(letter for letter, kind in _KINDS.items() if kind == granted.kind)
        user = f"{granted.tenant}~{letter}{_short(granted.mailbox)}{_short(granted.ticket)}"
        if not _USER.fullmatch(user):
            raise ValueError("a pass is for a tenant that a credential could have")
        return user, self._password(user)

    def check(self, user: str, password: str) -> Pass | None:
        """Return what a pass says; None if it was not made here, was altered, or is too old.

        In a time that tells nothing of the right password.
        """
        right = hmac.compare_digest(self._password(user).encode(), password.encode())
        found = _USER.fullmatch(user)
        if not right or found is None:
            return None
        tenant, letter, mailbox, ticket = found.groups()
        granted = Pass(tenant, str(_long(mailbox)), str(_long(ticket)), _KINDS[letter])
        age = self._clock() - _long(ticket).timestamp
        return granted if -SKEW <= age <= LIFETIME else None

    def _password(self, user: str) -> str:
        digest = hmac.digest(self._secret, user.encode(), "sha256")[:_DIGEST]
        return urlsafe_b64encode(digest).decode("ascii")


class PassCheck:
    """Asks the sinks of one route, as far as they are open."""

    def __init__(self, plugins: Sequence[object], clock: Callable[[], float] = time.time) -> None:
        self._plugins = [plugin for plugin in plugins if isinstance(plugin, Derives)]
        self._clock = clock

    def __call__(self, user: str, password: str) -> Pass | None:
        """Return what a pass says, if one of them has made it."""
        for plugin in self._plugins:
            secret = plugin.derive(PURPOSE)
            if secret and (granted := Passes(secret, self._clock).check(user, password)):
                return granted
        return None


def looks_like_pass(user: str) -> bool:
    """Say whether a user is one of a pass: no credential's can be."""
    return _USER.fullmatch(user) is not None


def _short(ulid: str) -> str:
    return urlsafe_b64encode(ULID.from_str(ulid).bytes).rstrip(b"=").decode("ascii")


def _long(text: str) -> ULID:
    return ULID.from_bytes(urlsafe_b64decode(f"{text}=="))
