"""HashiCorp Vault's Transit engine as the root: three calls over HTTP. FORMAT.md, section 7.

https://developer.hashicorp.com/vault/api-docs/secret/transit
"""

import asyncio
import base64
import ipaddress
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from listen_sinks.api import SinkError
from listen_sinks.voicemail.keys.making import keep_quiet
from listen_sinks.voicemail.keys.provider import KeysAway, Notice, WrongKey, context_bytes

_WORDS = 200  # characters of Vault's own explanation that are passed on
_OK, _BAD_REQUEST = 200, 400


class VaultConfig(BaseModel):
    """`[sinks.voicemail.keys]` with `provider = "vault"`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    address: str
    """Where Vault is: `https://vault.example:8200`."""
    key: str = Field(pattern=r"^\w[\w.-]*$")
    """Name of the Transit key; its type must take associated data, as `aes256-gcm96` does."""
    mount: str = Field(default="transit", pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$")
    """Path at which the Transit engine is mounted."""
    namespace: str | None = None
    """Vault namespace, where there are any."""
    token: SecretStr | None = None
    """Vault token; better given in the environment, or in a file."""
    token_file: Path | None = None
    """File with the token, read anew for every call: an agent may renew it."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    allow_http: bool = False
    """Speak to a Vault that is not on this machine without TLS."""
    timeout: float = Field(default=5.0, gt=0, le=60)
    """Seconds that a call may take."""

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if (self.token is None) == (self.token_file is None):
            raise ValueError("give either token or token_file")
        return self

    @field_validator("address")
    @classmethod
    def _no_path(cls, address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
            raise ValueError(
                "address is a scheme, a host and a port, as https://vault.example:8200"
            )
        return address

    @model_validator(mode="after")
    def _tls(self) -> Self:
        parts = urlsplit(self.address)
        if parts.scheme == "http" and not self.allow_http and not _is_here(parts.hostname or ""):
            raise ValueError("address has no TLS: use https, or set allow_http")
        return self


class VaultKeys:
    """Wraps in Vault, with the context as associated data."""

    Config: ClassVar[type[BaseModel]] = VaultConfig

    def __init__(self, config: VaultConfig, data_dir: Path) -> None:
        self._config = config
        self._token_file = data_dir / config.token_file if config.token_file else None
        self._ca_file = data_dir / config.ca_file if config.ca_file else None
        self._client: Any = None
        self._away: Any = None

    async def open(self, *, may_create: bool = True) -> tuple[Notice, ...]:  # noqa: ARG002 - Vault's operator makes keys
        """Make the client; Vault itself may be away. Raises SinkError with the fix."""
        self._client = await asyncio.to_thread(self._make_client)
        return ()

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt; the result is Vault's own text, `vault:v1:...`."""
        answer = await self._ask("encrypt", "ciphertext", context, plaintext=_base64(secret))
        if not (answer.startswith("vault:") and answer.isascii()):
            raise KeysAway("keys: what answers is not vault")
        return answer.encode("ascii")

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt."""
        ciphertext = wrapped.decode("ascii", "replace")
        answer = await self._ask("decrypt", "plaintext", context, ciphertext=ciphertext)
        try:
            return base64.b64decode(answer, validate=True)
        except ValueError as error:
            raise KeysAway("keys: vault gave a plaintext that is none") from error

    async def rewrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt and encrypt under the newest version of the key.

        Vault's own `rewrap` takes no associated data and fails on what was encrypted with it
        (https://github.com/hashicorp/vault/issues/29532), so the secret passes through here.
        """
        return await self.wrap(await self.unwrap(wrapped, context), context)

    def _make_client(self) -> Any:
        import httpx2  # noqa: PLC0415 - takes time, and only who uses Vault needs it

        keep_quiet("httpx2", "httpcore2")
        self._away = httpx2.HTTPError
        headers = {"X-Vault-Request": "true"}
        if self._config.namespace:
            headers["X-Vault-Namespace"] = self._config.namespace
        try:
            trust = ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise SinkError(f"keys: {self._ca_file}: {error.strerror or error}") from error
        return httpx2.AsyncClient(
            base_url=self._config.address,
            headers=headers,
            verify=trust,
            timeout=None,  # the whole call has one, in _ask
            trust_env=False,
        )

    async def _token(self) -> str:
        if self._config.token is not None:
            return self._config.token.get_secret_value()
        assert self._token_file is not None  # noqa: S101 - the configuration has one of the two
        try:
            return (await asyncio.to_thread(self._token_file.read_text, "ascii")).strip()
        except (OSError, ValueError) as error:
            raise KeysAway(f"keys: no token for vault in {self._token_file}") from error

    async def _ask(self, verb: str, wanted: str, context: Mapping[str, str], **sent: str) -> str:
        sent["associated_data"] = _base64(context_bytes(context))
        url = f"/v1/{self._config.mount}/{verb}/{self._config.key}"
        headers = {"X-Vault-Token": await self._token()}
        try:
            async with asyncio.timeout(self._config.timeout):
                response = await self._client.post(url, json=sent, headers=headers)
        except (self._away, TimeoutError) as error:
            raise KeysAway(f"keys: vault does not answer: {type(error).__name__}") from error
        if response.status_code == _BAD_REQUEST:
            raise WrongKey(f"keys: vault refuses: {_words(response)}")
        if response.status_code != _OK:
            raise KeysAway(f"keys: vault says {response.status_code}: {_words(response)}")
        try:
            return str(response.json()["data"][wanted])
        except (ValueError, LookupError, TypeError) as error:
            raise KeysAway("keys: what answers is not vault") from error


def _words(response: Any) -> str:
    try:
        return " ".join(", ".join(map(str, response.json()["errors"])).split())[:_WORDS]
    except (ValueError, LookupError, TypeError):
        return "(no reason given)"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
