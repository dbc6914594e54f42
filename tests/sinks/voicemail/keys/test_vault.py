from pathlib import Path
from typing import Any

import pytest
import trustme
from key_contract import CONTEXT, SECRET, RemoteContract, opened
from pydantic import ValidationError
from vault_stand_in import KEY, TOKEN, Vault

from listen_sinks.api import SinkError
from listen_sinks.voicemail.keys import KeysAway, WrongKey, check, read_provider_config
from listen_sinks.voicemail.keys.vault import VaultConfig


class TestVaultKeys(RemoteContract):
    kind = "vault"

    @pytest.fixture
    def service(self) -> Vault:
        return Vault()


def vault(tmp_path: Path, service: Vault, **values: Any) -> Any:
    return opened("vault", service.values() | values, tmp_path)


async def test_a_sealed_vault_is_away_until_it_is_unsealed(tmp_path: Path) -> None:
    service = Vault()
    async with service.running(), vault(tmp_path, service) as provider:
        service.sealed = True
        with pytest.raises(KeysAway, match="sealed"):
            await provider.wrap(SECRET, CONTEXT)

        service.sealed = False
        assert await provider.unwrap(await provider.wrap(SECRET, CONTEXT), CONTEXT) == SECRET


async def test_a_token_that_vault_refuses_is_told_and_never_shown(tmp_path: Path) -> None:
    service, values = Vault(), {"token": "hvs.wrong"}
    async with service.running(), vault(tmp_path, service, **values) as provider:
        with pytest.raises(KeysAway, match=r"403: .*permission denied") as told:
            await provider.wrap(SECRET, CONTEXT)

        assert "hvs.wrong" not in repr(told.value) + str(told.value.__cause__)


async def test_a_token_file_that_an_agent_renews_is_read_anew(tmp_path: Path) -> None:
    service = Vault()
    (tmp_path / "token").write_text("hvs.expired\n")
    values = {"token": None, "token_file": "token"}
    async with service.running(), vault(tmp_path, service, **values) as provider:
        with pytest.raises(KeysAway, match="403"):
            await provider.wrap(SECRET, CONTEXT)

        (tmp_path / "token").write_text(f"{TOKEN}\n")
        await provider.wrap(SECRET, CONTEXT)

        (tmp_path / "token").unlink()
        with pytest.raises(KeysAway, match="no token"):
            await provider.wrap(SECRET, CONTEXT)


async def test_wrapped_anew_it_needs_only_the_newest_version_of_the_key(tmp_path: Path) -> None:
    service = Vault()
    async with service.running(), vault(tmp_path, service) as provider:
        wrapped = await provider.wrap(SECRET, CONTEXT)
        service.rotate()

        anew = await provider.rewrap(wrapped, CONTEXT)

        assert (wrapped[:9], anew[:9]) == (b"vault:v1:", b"vault:v2:")
        service.versions[0] = bytes(32)  # the old version is gone
        assert await provider.unwrap(anew, CONTEXT) == SECRET
        with pytest.raises(WrongKey):
            await provider.unwrap(wrapped, CONTEXT)


async def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    service = Vault()
    async with service.running(), vault(tmp_path, service, key="mistyped") as provider:
        with pytest.raises(WrongKey, match="encryption key not found"):
            await provider.wrap(SECRET, CONTEXT)


async def test_a_vault_that_ignores_the_context_fails_the_check(tmp_path: Path) -> None:
    service = Vault()
    service.knows_associated_data = False
    async with service.running(), vault(tmp_path, service) as provider:
        with pytest.raises(WrongKey, match="ignores the context"):
            await check(provider)


async def test_mount_and_namespace_are_those_of_the_configuration(tmp_path: Path) -> None:
    service = Vault(mount="teams/voice/transit")
    values = {"mount": "teams/voice/transit", "namespace": "voice"}
    async with service.running(), vault(tmp_path, service, **values) as provider:
        await provider.wrap(SECRET, CONTEXT)

    assert service.seen[0].headers["X-Vault-Namespace"] == "voice"
    assert service.seen[0].headers["X-Vault-Request"] == "true"


@pytest.mark.parametrize(
    "answer", [[], {"data": None}, {"data": {}}, "no", {"data": {"ciphertext": "sealed:é"}}]
)
async def test_something_else_that_answers_is_not_taken_for_vault(
    tmp_path: Path, answer: Any
) -> None:
    service = Vault()
    service.answers = answer
    async with service.running(), vault(tmp_path, service) as provider:
        with pytest.raises(KeysAway, match="not vault"):
            await provider.wrap(SECRET, CONTEXT)


async def test_a_plaintext_that_is_not_base64_is_not_taken_for_a_secret(tmp_path: Path) -> None:
    service = Vault()
    service.answers = {"data": {"plaintext": "!!!"}}
    async with service.running(), vault(tmp_path, service) as provider:
        with pytest.raises(KeysAway):
            await provider.unwrap(b"vault:v1:AAAA", CONTEXT)


async def test_tls_is_checked_against_the_configured_authority(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    for name, ca in {"ca.pem": authority, "stranger.pem": stranger}.items():
        ca.cert_pem.write_to_path(tmp_path / name)
    certificate = authority.issue_cert("127.0.0.1")
    with certificate.private_key_and_cert_chain_pem.tempfile() as pem:
        service = Vault()
        address = f"https://127.0.0.1:{service.port}"
        async with service.running(ssl_certfile=pem):
            async with vault(tmp_path, service, address=address, ca_file="ca.pem") as provider:
                assert await provider.unwrap(await provider.wrap(SECRET, CONTEXT), CONTEXT)
            async with vault(
                tmp_path, service, address=address, ca_file="stranger.pem"
            ) as provider:
                with pytest.raises(KeysAway, match="ConnectError"):
                    await provider.wrap(SECRET, CONTEXT)


@pytest.mark.parametrize("text", [None, "no certificate"])
async def test_an_authority_that_cannot_be_read_is_told_at_the_start(
    tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "ca.pem").write_text(text)

    with pytest.raises(SinkError, match=r"ca\.pem"):
        async with vault(tmp_path, Vault(), ca_file="ca.pem"):
            pass


GOOD = {"address": "https://vault.example:8200", "key": KEY, "token": TOKEN}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"address": "vault.example:8200"}, "https://vault.example:8200"),
        ({"address": "https://vault.example/v1"}, "https://vault.example:8200"),
        ({"address": "http://vault.example:8200"}, "allow_http"),
        ({"token": None}, "token_file"),
        ({"token_file": "/run/token"}, "token_file"),
        ({"key": "../sys/seal"}, "key"),
        ({"mount": "../sys"}, "mount"),
        ({"tokem": "x"}, "tokem"),
        ({"timeout": 0}, "timeout"),
    ],
)
def test_a_wrong_configuration_is_refused_with_words(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        read_provider_config("vault", GOOD | change)


def test_the_token_does_not_show() -> None:
    assert TOKEN not in repr(VaultConfig.model_validate(GOOD))


def test_plain_http_is_taken_to_this_machine_or_where_it_is_allowed() -> None:
    for address in ("http://127.0.0.1:8200", "http://localhost:8200", "http://[::1]:8200"):
        read_provider_config("vault", GOOD | {"address": address})
    read_provider_config("vault", GOOD | {"address": "http://vault:8200", "allow_http": True})
