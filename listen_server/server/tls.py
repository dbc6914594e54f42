"""The certificate in use, read again when its files change. serving.py gives it to uvicorn.

Every handshake is switched to the newest context by the server-name callback, which OpenSSL
calls for each ClientHello; connections that are on keep theirs.
"""

import asyncio
import contextlib
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from cryptography import x509

from listen_server.errors import ConfigError
from listen_server.server.reports import (
    CertificateExpired,
    CertificateLoaded,
    CertificateRejected,
    Reporter,
    RequestRefused,
    ignore,
)

_Fingerprint: TypeAlias = tuple[tuple[int, int, int] | None, ...]


class Certificate:
    """A certificate and its key, as PEM files; `context` is for the listener, for good."""

    def __init__(self, cert: Path, key: Path, report: Reporter = ignore) -> None:
        """Load the pair; a ConfigError says what is wrong with it.

        `report` hears of handshakes that failed, and of news from `watch`.
        """
        self._cert, self._key, self._report = cert, key, report
        self._told_expired = False
        self._seen = self._read = self._fingerprint()
        try:
            self._load()
        except (OSError, ValueError) as error:
            raise ConfigError(f"--tls-cert {cert}, --tls-key {key}: {_reason(error)}") from None
        self.context = self._newest

        def newest(connection: ssl.SSLObject, _name: str | None, _: ssl.SSLContext) -> None:
            connection.context = self._newest

        self.context.sni_callback = newest
        self.context.sslobject_class = _telling(report)

    async def watch(self, interval: float) -> None:
        """Look at the files every `interval` seconds, for ever."""
        self._report(CertificateLoaded(self.expires))
        while True:
            self._tell_if_expired()
            await asyncio.sleep(interval)
            news = await asyncio.to_thread(self.refresh)
            if news is not None:
                self._report(news)

    def _tell_if_expired(self) -> None:
        expired = self.expires <= datetime.now(UTC)
        if expired and not self._told_expired:
            self._report(CertificateExpired(self.expires))
        self._told_expired = expired

    def refresh(self) -> CertificateLoaded | CertificateRejected | None:
        """Load the pair if it changed and has been left alone since the last look.

        Two files cannot change in one instant; half a change is not worth a report.
        """
        before, self._seen = self._seen, self._fingerprint()
        if self._seen == self._read or self._seen != before:
            return None
        self._read = self._seen
        try:
            self._load()
        except (OSError, ValueError) as error:
            return CertificateRejected(_reason(error))
        return CertificateLoaded(self.expires)

    def _load(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._cert, self._key, password="")  # never ask a terminal
        expires = not_after(self._cert.read_bytes())
        self._newest = context
        self.expires = expires

    def _fingerprint(self) -> _Fingerprint:
        return tuple(_stat(path) for path in (self._cert, self._key))


def _telling(report: Reporter) -> type[ssl.SSLObject]:
    """Return a class of TLS connections that report a failed handshake.

    That is plain HTTP on the port, or a peer that does not like the certificate; asyncio and
    uvloop close both in silence.
    """

    class Telling(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                says = (error.reason or "unknown").lower().replace("_", " ")
                report(RequestRefused("TLS handshake", None, says))
                raise

    return Telling


def _stat(path: Path) -> tuple[int, int, int] | None:
    with contextlib.suppress(OSError):
        found = os.stat(path)  # noqa: PTH116  # follows the symbolic links of a mounted secret
        return found.st_mtime_ns, found.st_size, found.st_ino
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the key does not belong to the certificate"
        return f"not a usable PEM pair without a passphrase ({error.reason or 'unknown format'})"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return str(error)


def not_after(pem: bytes) -> datetime:
    """Return when the first certificate of a PEM file expires. Raises ValueError if none is."""
    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError:
        raise ValueError("holds no certificate") from None
