"""Calls over TLS: as exact as without, and only to a certificate that jambonz would trust."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from process import ServerProcess, command, finished_calls, server_process

from listen_codecs.files import read_audio
from listen_codecs.pcm import interleave
from listen_server.simulator.live import CallResult
from listen_server.simulator.order import Order


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server(tmp_path: Path, authority: trustme.CA) -> Iterator[ServerProcess]:
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for part in certificate.cert_chain_pems:
        part.write_to_path(tmp_path / "cert.pem", append=True)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    options = ["--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"]
    with server_process(tmp_path / "data", "--open", *map(str, options)) as running:
        yield running


def place(server: ServerProcess, **order: object) -> CallResult:
    url = server.url().replace("ws:", "wss:")
    (call,) = Order(url=url, **order).place()  # type: ignore[arg-type] # each test's own
    return asyncio.run(call.run())


@pytest.mark.parametrize("speed", [0, 4])
def test_a_call_over_tls_is_recorded_sample_by_sample(
    server: ServerProcess, tmp_path: Path, speed: float
) -> None:
    result = place(server, mix="stereo", rate=16000, speed=speed, ca_file=tmp_path / "ca.pem")

    (told,) = finished_calls(tmp_path / "data" / "recordings")
    block, _ = read_audio(told["path"])
    assert result.fault is None
    assert told["state"] == "complete"
    assert hashlib.sha256(interleave(block)).hexdigest() == result.sha256


def test_a_certificate_that_nobody_vouches_for_is_refused_as_jambonz_does(
    server: ServerProcess,
) -> None:
    assert "not trusted" in (place(server).fault or "")


def test_the_doctor_knocks_at_a_certificate_of_ones_own_with_its_ca(
    server: ServerProcess, tmp_path: Path
) -> None:
    options = ["--data-dir", tmp_path / "data", "--port", server.port]
    options += ["--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"]

    trusting = command("doctor", *map(str, options), "--ca-file", str(tmp_path / "ca.pem"))
    doubting = command("doctor", *map(str, options))

    assert f"wss://127.0.0.1:{server.port}/listen takes a call" in trusting.stdout
    assert "jambonz refuses it too" in doubting.stdout
    assert "--insecure" not in doubting.stdout
    assert doubting.returncode == 1


@pytest.mark.usefixtures("server")  # which makes the files
def test_the_doctor_says_when_the_certificate_ends(tmp_path: Path) -> None:
    looked = command(
        "doctor",
        *("--data-dir", str(tmp_path / "other")),
        LISTEN_TLS_CERT=str(tmp_path / "cert.pem"),
        LISTEN_TLS_KEY=str(tmp_path / "key.pem"),
        LISTEN_PORT="0",
    )

    assert "the certificate ends on" in looked.stdout
    assert '"url": "wss://127.0.0.1' in looked.stdout
