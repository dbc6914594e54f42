import asyncio
import json
import sys
from pathlib import Path

import grpc
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from gcp_kms_stand_in import KEY, GcpKms
from key_contract import CONTEXT, SECRET, RemoteContract, opened
from pydantic import ValidationError

from listen_sinks.api import SinkError
from listen_sinks.voicemail.keys import KeysAway, WrongKey, read_provider_config


class TestGcpKmsKeys(RemoteContract):
    kind = "gcp-kms"

    @pytest.fixture
    def service(self) -> GcpKms:
        return GcpKms()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "PermissionDenied"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "ResourceExhausted"),
        (grpc.StatusCode.INTERNAL, "InternalServerError"),
        (grpc.StatusCode.FAILED_PRECONDITION, "FailedPrecondition"),
    ],
)
async def test_a_refusal_that_says_nothing_of_the_value_is_keys_away(
    tmp_path: Path, status: grpc.StatusCode, words: str
) -> None:
    service = GcpKms()
    async with service.running(), opened("gcp-kms", service.values(), tmp_path) as provider:
        wrapped = await provider.wrap(SECRET, CONTEXT)
        service.refuses = status
        with pytest.raises(KeysAway, match=words):
            await provider.unwrap(wrapped, CONTEXT)


async def test_a_service_that_is_unavailable_is_not_asked_again_and_again(tmp_path: Path) -> None:
    service = GcpKms()
    async with service.running(), opened("gcp-kms", service.values(), tmp_path) as provider:
        service.refuses = grpc.StatusCode.UNAVAILABLE
        with pytest.raises(KeysAway):
            await provider.wrap(SECRET, CONTEXT)

    assert len(service.metadata) == 1


async def test_wrapped_anew_it_needs_only_the_newest_version_of_the_key(tmp_path: Path) -> None:
    service = GcpKms()
    async with service.running(), opened("gcp-kms", service.values(), tmp_path) as provider:
        wrapped = await provider.wrap(SECRET, CONTEXT)
        service.rotate()

        anew = await provider.rewrap(wrapped, CONTEXT)

        service.versions[0] = bytes(32)  # the old version is gone
        assert await provider.unwrap(anew, CONTEXT) == SECRET
        with pytest.raises(WrongKey):
            await provider.unwrap(wrapped, CONTEXT)


async def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    service = GcpKms()
    values = service.values() | {"key": KEY + "-mistyped"}
    async with service.running(), opened("gcp-kms", values, tmp_path) as provider:
        with pytest.raises(KeysAway, match="NotFound"):
            await provider.wrap(SECRET, CONTEXT)


@pytest.mark.parametrize("text", [None, "no JSON", '{"type": "no such type"}'])
async def test_credentials_that_cannot_be_used_are_told_at_the_start(
    tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "credentials.json").write_text(text)

    with pytest.raises(SinkError, match=r"credentials\.json"):
        async with opened(
            "gcp-kms", {"key": KEY, "credentials_file": "credentials.json"}, tmp_path
        ):
            pass


def service_account(uri: str) -> dict[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "type": "service_account",
        "client_email": "listen-server@tests.invalid",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "token_uri": uri,
    }


async def test_over_tls_it_shows_the_token_of_its_service_account(tmp_path: Path) -> None:
    service, authority = GcpKms(), trustme.CA()
    certificate = authority.issue_cert("localhost")
    service.tls = grpc.ssl_server_credentials(
        [
            (
                certificate.private_key_pem.bytes(),
                b"".join(blob.bytes() for blob in certificate.cert_chain_pems),
            )
        ]
    )
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    account = service_account("http://127.0.0.1:9/no-token-has-to-be-fetched")
    (tmp_path / "account.json").write_text(json.dumps(account))
    values = {
        "key": KEY,
        "credentials_file": str(tmp_path / "account.json"),
        "endpoint": f"localhost:{service.port}",
    }
    program = Path(__file__).with_name("wrap_once.py")

    async with service.running():
        wrapping = await asyncio.create_subprocess_exec(
            sys.executable,
            *(program, "gcp-kms", json.dumps(values)),
            env={"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(tmp_path / "ca.pem")},
            stdout=asyncio.subprocess.PIPE,
            cwd=tmp_path,
        )
        said, _ = await wrapping.communicate()

    assert said == b"wrapped and unwrapped\n"
    assert all(seen["authorization"].startswith("Bearer ey") for seen in service.metadata)


def test_a_wrong_configuration_is_refused() -> None:
    for values in ({"key": "my-key"}, {"key": KEY, "insecure": True}, {"key": KEY, "kye": 1}):
        with pytest.raises(ValidationError):
            read_provider_config("gcp-kms", values)
