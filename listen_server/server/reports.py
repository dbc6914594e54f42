"""What happens to the server itself, as values for logs and metrics. Calls are `events.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class HandshakeTimedOut:
    """A connection was closed because its request head was not whole in time."""

    client: str | None  # address without port


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """What came was no request that an application could have answered."""

    reason: str  # one of few
    client: str | None  # address without port, where it is known
    says: str | None = None  # of a TLS library: why


@dataclass(frozen=True, slots=True)
class CertificateLoaded:
    """New TLS handshakes get this certificate."""

    expires: datetime  # aware, UTC


@dataclass(frozen=True, slots=True)
class CertificateExpired:
    """The certificate in use has ended; every new call over TLS is lost. Told once."""

    expired: datetime  # aware, UTC


@dataclass(frozen=True, slots=True)
class CertificateRejected:
    """The files changed into something unusable; the certificate before them stays."""

    reason: str


@dataclass(frozen=True, slots=True)
class DrainBegan:
    """No new calls from here on."""

    live: int  # calls that may go on
    deadline: float  # s


@dataclass(frozen=True, slots=True)
class DrainEnded:
    """The last call ended, or the deadline or a second signal ended the rest with 1001."""

    live: int  # calls that were cut


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """A worker process exists; it answers once its own start is done."""

    number: int
    pid: int


@dataclass(frozen=True, slots=True)
class WorkerStopped:
    """A worker process is gone."""

    number: int
    pid: int
    exit_code: int  # negative: the signal that ended it
    restart_in: float | None  # s; None when it is not to come back


Report: TypeAlias = (
    HandshakeTimedOut
    | RequestRefused
    | CertificateLoaded
    | CertificateExpired
    | CertificateRejected
    | DrainBegan
    | DrainEnded
    | WorkerStarted
    | WorkerStopped
)
Reporter: TypeAlias = Callable[[Report], None]


def ignore(_: Report) -> None:
    """Report to nobody."""
