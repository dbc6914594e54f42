"""Who may stream: HTTP Basic credentials, one tenant each. admission.py asks, the CLI changes.

Secrets are random, so a fast keyed hash stores them safely; a slow one would let guessers burn
our CPU. jambonz's client corrupts `user:password` of 91 bytes and omits longer ones
(mod_audio_fork, audio_pipe.cpp: 128-byte buffers); ours have at most 64.
"""

import fcntl
import hmac
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from listen_server.errors import ConfigError
from listen_server.files import private_directory, write_atomically

Scope: TypeAlias = Literal["listen", "record", "api"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
_Stamp: TypeAlias = tuple[int, int] | None  # of a file: when it was written, and which it is
_FILE: Final = "credentials.json"
_KEY_BYTES: Final = 32
MAX_PER_TENANT: Final = 2  # the old one and the new one, while a rotation is on
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,22}")
_DECOY: Final = "0" * 64  # the digest of nobody


class Credential(BaseModel):
    """One credential as it is stored: everything but the secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str
    tenant: str
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    account_sid: str | None = None
    created: AwareDatetime
    digest: Annotated[str, Field(repr=False, pattern="^[0-9a-f]{64}$")]
    """Hex of HMAC-SHA256(key, user ":" secret)."""


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid")
    version: Literal[1] = 1
    credentials: tuple[Credential, ...] = ()


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A fresh credential with its secret, which is shown once and stored nowhere."""

    credential: Credential
    secret: str = field(repr=False)


class CredentialStore:
    """The credentials of one data directory: `credentials.json`, and its key beside it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / _FILE
        self._key_file = directory / "credentials.key"
        self._stamp: _Stamp = None
        self._by_user: dict[str, Credential] = {}
        self._key = b""
        self.ever_any = _stamp(self._file) is not None
        """Whether this process has known a credential: who revokes the last one opens no door."""
        self.reload()

    def __len__(self) -> int:
        return len(self._by_user)

    def all(self) -> list[Credential]:
        """Return every live credential, by tenant and age."""
        return sorted(self._by_user.values(), key=lambda c: (c.tenant, c.created))

    def reload(self) -> bool:
        """Read the file again if it has changed. Raises ConfigError; what was known stays."""
        stamp = _stamp(self._file)
        if stamp == self._stamp:
            return False
        by_user = {c.user: c for c in _read(self._file)} if stamp else {}
        if by_user:
            self._key = _read_key(self._key_file)
        self._know(by_user, stamp)
        return True

    def check(self, user: str, secret: str) -> Credential | None:
        """Return the credential if the secret is right, in a time that tells nothing."""
        credential = self._by_user.get(user)
        known = credential.digest if credential else _DECOY
        right = hmac.compare_digest(self._digest(user, secret), known)
        return credential if right else None

    def add(
        self,
        tenant: str,
        scopes: Sequence[Scope] = ("listen", "record"),
        account_sid: str | None = None,
    ) -> NewCredential:
        """Make a credential. Raises ConfigError if the tenant has two already."""
        if not _TENANT.fullmatch(tenant):
            raise ConfigError(f"tenant {tenant!r} must be 1 to 23 of a-z, 0-9 and -")
        if not scopes or not set(scopes) <= set(SCOPES):
            raise ConfigError(f"the scopes of a credential are one or more of {', '.join(SCOPES)}")
        with self._alone():
            if sum(c.tenant == tenant for c in self._by_user.values()) >= MAX_PER_TENANT:
                raise ConfigError(
                    f"tenant {tenant!r} has {MAX_PER_TENANT} credentials already: revoke one first "
                    "(`listen-server credentials list` shows them)"
                )
            return self._issue(self._by_user, tenant, tuple(scopes), account_sid)

    def rotate(self, tenant: str) -> NewCredential:
        """Add a credential like the tenant's newest; if it had two, the older one goes."""
        with self._alone():
            own = [c for c in self.all() if c.tenant == tenant]
            if not own:
                raise ConfigError(
                    f"tenant {tenant!r} has no credential: `listen-server credentials add`"
                )
            gone = own[0].user if len(own) >= MAX_PER_TENANT else None
            staying = {user: c for user, c in self._by_user.items() if user != gone}
            return self._issue(staying, tenant, own[-1].scopes, own[-1].account_sid)

    def revoke(self, user: str) -> None:
        """Forget a credential. Raises ConfigError if there is none of that name."""
        with self._alone():
            if user not in self._by_user:
                raise ConfigError(
                    f"there is no credential {user!r}: `listen-server credentials list`"
                )
            self._write({name: c for name, c in self._by_user.items() if name != user})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Change what is stored now, while nobody else can: two at once would undo each other."""
        try:
            lock = os.open(private_directory(self._directory), os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self.reload()
                yield
            finally:
                os.close(lock)
        except OSError as error:
            raise ConfigError(
                f"cannot change the credentials in {self._directory} "
                f"({os.strerror(error.errno or 0)}): is it yours, and has its disk room?"
            ) from None

    def _issue(
        self,
        others: Mapping[str, Credential],
        tenant: str,
        scopes: tuple[Scope, ...],
        account_sid: str | None,
    ) -> NewCredential:
        self._ensure_key()
        user = f"{tenant}.{secrets.token_hex(3)}"
        secret = secrets.token_urlsafe(24)
        credential = Credential(
            user=user,
            tenant=tenant,
            scopes=scopes,
            account_sid=account_sid,
            created=datetime.now(UTC),
            digest=self._digest(user, secret),
        )
        self._write({**others, user: credential})
        return NewCredential(credential, secret)

    def _digest(self, user: str, secret: str) -> str:
        return hmac.digest(self._key, f"{user}:{secret}".encode(), "sha256").hex()

    def _ensure_key(self) -> None:
        if not self._by_user and not self._key_file.exists():
            write_atomically(self._key_file, secrets.token_bytes(_KEY_BYTES))
        self._key = _read_key(self._key_file)

    def _write(self, by_user: dict[str, Credential]) -> None:
        stored = _Stored(credentials=tuple(by_user.values()))
        write_atomically(self._file, stored.model_dump_json(indent=2).encode())
        self._know(by_user, _stamp(self._file))

    def _know(self, by_user: dict[str, Credential], stamp: _Stamp) -> None:
        self._by_user = by_user
        self._stamp = stamp
        self.ever_any = self.ever_any or bool(by_user)


def basic_credentials(header: str) -> tuple[str, str] | None:
    """Read user and secret from an `Authorization` header; None if it is not HTTP Basic."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:  # not base64, not ASCII, not UTF-8
        return None
    return (user, secret) if colon else None


def basic_header(user: str, secret: str) -> str:
    """Return the `Authorization` header of a user."""
    return "Basic " + b64encode(f"{user}:{secret}".encode()).decode("ascii")


def _stamp(file: Path) -> _Stamp:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(file, error) from None
    return status.st_mtime_ns, status.st_ino


def _read(file: Path) -> tuple[Credential, ...]:
    try:
        return _Stored.model_validate_json(file.read_bytes()).credentials
    except (OSError, ValidationError) as error:
        raise _unreadable(file, error) from None  # its words quote the file


def _unreadable(file: Path, error: Exception) -> ConfigError:
    if isinstance(error, PermissionError):
        return _not_ours(file)
    return ConfigError(
        f"cannot read the credentials in {file} ({type(error).__name__}): restore the file "
        "from a backup, or delete it and add the credentials anew"
    )


def _not_ours(file: Path) -> ConfigError:
    return ConfigError(
        f"{file} is not for this user to read: run this as the user of the server (sudo -u)"
    )


def _read_key(file: Path) -> bytes:
    try:
        key = file.read_bytes()
        why = "" if len(key) == _KEY_BYTES else f"{len(key)} bytes instead of {_KEY_BYTES}"
    except PermissionError:
        raise _not_ours(file) from None
    except OSError as error:
        key, why = b"", os.strerror(error.errno or 0)
    if why:
        raise ConfigError(
            f"cannot read the key of the credentials, {file} ({why}): restore it from a backup, "
            f"or delete it and {_FILE} and add the credentials anew"
        )
    return key
