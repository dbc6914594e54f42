"""A certificate is replaced while calls go on."""

import asyncio
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop
from server.apps import Calls, Peer
from server.wire import TEXT, frame

from listen_server.errors import ConfigError
from listen_server.server.options import ServerOptions
from listen_server.server.reports import (
    CertificateExpired,
    CertificateLoaded,
    CertificateRejected,
    Report,
    RequestRefused,
)
from listen_server.server.serving import running
from listen_server.server.tls import Certificate, not_after

SOON = datetime(2049, 12, 31, 23, 59, 58, tzinfo=UTC)  # the last UTCTime but one second
LATE = datetime(2050, 1, 1, 0, 0, 0, tzinfo=UTC)  # the first GeneralizedTime


class Files:
    """A certificate and key on disk, and a client that trusts their authority."""

    def __init__(self, folder: Path) -> None:
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        self.authority = trustme.CA()
        self.client = ssl.create_default_context()
        self.authority.configure_trust(self.client)

    def issue(self, expires: datetime = SOON) -> None:
        """Replace both, each at once, as certificate managers do."""
        made = self.authority.issue_cert("localhost", not_after=expires)
        self.put(self.cert, b"".join(one.bytes() for one in made.cert_chain_pems))
        self.put(self.key, made.private_key_pem.bytes())

    def put(self, path: Path, data: bytes) -> None:
        fresh = path.with_suffix(".new")
        fresh.write_bytes(data)
        fresh.replace(path)

    def options(self, handshake_timeout: float = 10) -> ServerOptions:
        return ServerOptions(
            port=0,
            tls_cert=self.cert,
            tls_key=self.key,
            tls_check_interval=0.01,
            handshake_timeout=handshake_timeout,
        )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.issue()
    return made


class Reports:
    """Reports, to be waited for."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[Report] = asyncio.Queue()

    def __call__(self, one: Report) -> None:
        self.inbox.put_nowait(one)

    async def next(self) -> Report:
        return await self.inbox.get()


async def serial(port: int, client: ssl.SSLContext, name: str | None = "localhost") -> bytes:
    """Return the certificate that a new handshake gets."""
    client.check_hostname = name is not None
    async with await Peer.connect(port, ssl=client, server_hostname=name or "") as peer:
        found = peer.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert isinstance(found, bytes)
        return found


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_new_handshakes_get_the_new_certificate_and_old_calls_go_on(
    files: Files, loop: Any
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(replaced_during_a_call(files))


async def replaced_during_a_call(files: Files) -> None:
    reports = Reports()

    async with running(Calls(), None, files.options(), report=reports) as bound:
        assert await reports.next() == CertificateLoaded(SOON)
        before = await serial(bound.port, files.client)
        async with await Peer.call(
            bound.port, ssl=files.client, server_hostname="localhost"
        ) as call:
            await asyncio.to_thread(files.issue, LATE)
            assert await reports.next() == CertificateLoaded(LATE)
            after = await serial(bound.port, files.client)
            nameless = await serial(bound.port, files.client, name=None)
            call.say(b"audio")
            call.send(frame(TEXT, b"how much?"))
            heard = await call.frame()

    assert before != after == nameless
    assert heard == (TEXT, b"5")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda files: files.put(files.key, trustme.CA().private_key_pem.bytes()), "not belong"),
        (lambda files: files.put(files.cert, b"nonsense"), "not a usable PEM"),
        (lambda files: files.key.unlink(), "No such file"),
    ],
)
async def test_a_bad_pair_is_reported_once_and_the_old_one_stays(
    files: Files, spoil: object, reason: str
) -> None:
    reports = Reports()

    async with running(Calls(), None, files.options(), report=reports) as bound:
        await reports.next()
        before = await serial(bound.port, files.client)
        await asyncio.to_thread(spoil, files)  # type: ignore[arg-type]
        rejected = await reports.next()
        after = await serial(bound.port, files.client)
        await asyncio.to_thread(files.issue, LATE)
        repaired = await reports.next()

    assert isinstance(rejected, CertificateRejected)
    assert reason in rejected.reason
    assert before == after
    assert repaired == CertificateLoaded(LATE)


def test_half_a_change_is_not_loaded(files: Files) -> None:
    certificate = Certificate(files.cert, files.key)

    os.utime(files.cert)
    assert certificate.refresh() is None
    os.utime(files.key)
    assert certificate.refresh() is None

    assert certificate.refresh() == CertificateLoaded(SOON)
    assert certificate.refresh() is None


def test_a_certificate_that_has_expired_says_when(files: Files) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).replace(microsecond=0)
    files.issue(expires=yesterday)

    assert Certificate(files.cert, files.key).expires == yesterday


@pytest.mark.parametrize("expires", [SOON, LATE])
def test_both_ways_to_write_a_date_are_read(files: Files, expires: datetime) -> None:
    files.issue(expires)

    assert not_after(files.cert.read_bytes()) == expires


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(files: Files) -> None:
    from cryptography.hazmat.primitives import serialization as ways

    key = ways.load_pem_private_key(files.key.read_bytes(), None)
    locked = ways.BestAvailableEncryption(b"secret")
    files.put(
        files.key,
        key.private_bytes(ways.Encoding.PEM, ways.PrivateFormat.TraditionalOpenSSL, locked),
    )

    with pytest.raises(ConfigError, match="without a passphrase"):
        Certificate(files.cert, files.key)


async def test_a_certificate_without_its_key_is_a_configuration_error(files: Files) -> None:
    with pytest.raises(ConfigError, match="go together"):
        async with running(Calls(), None, ServerOptions(port=0, tls_cert=files.cert)):
            pytest.fail("served")


async def test_half_a_tls_handshake_is_closed_too(files: Files) -> None:
    async with (
        running(Calls(), None, files.options(handshake_timeout=0.1)) as bound,
        await Peer.connect(bound.port) as peer,
    ):
        peer.send(b"\x16\x03\x01")

        assert await peer.rest() == b""


def doubt(port: int, client: ssl.SSLContext) -> None:
    """Shake hands as OpenSSL does, which says why it hangs up; asyncio does not."""
    with socket.create_connection(("127.0.0.1", port)) as plain:
        client.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_tls_handshake_that_fails_is_reported_with_what_tls_says(files: Files, loop: Any) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(handshakes_that_fail(files))


async def handshakes_that_fail(files: Files) -> None:
    reports = Reports()

    async with running(Calls(), None, files.options(), report=reports) as bound:
        await reports.next()
        async with await Peer.connect(bound.port) as peer:
            peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not (await peer.rest()).startswith(b"HTTP")
        plain = await reports.next()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.to_thread(doubt, bound.port, ssl.create_default_context())
        doubted = await reports.next()

    assert plain == RequestRefused("TLS handshake", None, "http request")
    assert doubted == RequestRefused("TLS handshake", None, "tlsv1 alert unknown ca")


async def test_a_certificate_that_has_expired_is_reported_once_until_it_is_renewed(
    files: Files,
) -> None:
    reports = Reports()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).replace(microsecond=0)
    await asyncio.to_thread(files.issue, yesterday)

    async with running(Calls(), None, files.options(), report=reports) as bound:
        told = [await reports.next(), await reports.next()]
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            await asyncio.to_thread(doubt, bound.port, files.client)
        refused = await reports.next()
        await asyncio.to_thread(files.issue, SOON)
        renewed = await reports.next()
        await serial(bound.port, files.client)

    assert told == [CertificateLoaded(yesterday), CertificateExpired(yesterday)]
    assert refused == RequestRefused("TLS handshake", None, "sslv3 alert certificate expired")
    assert renewed == CertificateLoaded(SOON)
