"""Google Cloud KMS as the root, over gRPC. FORMAT.md, section 7.

https://docs.cloud.google.com/kms/docs/reference/rpc
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from listen_sinks.api import SinkError
from listen_sinks.voicemail.keys.making import import_extra, keep_quiet
from listen_sinks.voicemail.keys.provider import KeysAway, Notice, WrongKey, context_bytes

_EXTRA: Final = "gcp-kms"
_SCOPE: Final = "https://www.googleapis.com/auth/cloudkms"
_OPTIONS: Final = (("grpc.max_reconnect_backoff_ms", 2000),)
"""gRPC waits up to two minutes before it looks again for a service that was away."""


class GcpKmsConfig(BaseModel):
    """`[sinks.voicemail.keys]` with `provider = "gcp-kms"`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    key: str = Field(pattern=r"^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$")
    """`projects/P/locations/L/keyRings/R/cryptoKeys/K`."""
    credentials_file: Path | None = None
    """File of a service account; what the Google SDK finds, if absent."""
    endpoint: str | None = None
    """Host and port of the service, for a private endpoint."""
    insecure: bool = False
    """Speak to `endpoint` without TLS and credentials: to a stand-in, never to Google."""
    timeout: float = Field(default=5.0, gt=0, le=60)
    """Seconds that a call may take."""

    @model_validator(mode="after")
    def _insecure_is_elsewhere(self) -> Self:
        if self.insecure and self.endpoint is None:
            raise ValueError("insecure needs an endpoint that is not Google's")
        return self


class GcpKmsKeys:
    """Wraps in Cloud KMS, with the context as additional authenticated data."""

    Config: ClassVar[type[BaseModel]] = GcpKmsConfig

    def __init__(self, config: GcpKmsConfig, data_dir: Path) -> None:
        self._config = config
        self._credentials_file = (
            data_dir / config.credentials_file if config.credentials_file else None
        )
        self._client: Any = None
        self._errors: Any = None

    async def open(self, *, may_create: bool = True) -> tuple[Notice, ...]:  # noqa: ARG002 - Google makes keys
        """Make the client; the service itself may be away. Raises SinkError with the fix."""
        kms = await asyncio.to_thread(import_extra, "google.cloud.kms_v1", _EXTRA)
        self._errors = await asyncio.to_thread(import_extra, "google.api_core.exceptions", _EXTRA)
        keep_quiet("google")
        service = kms.services.key_management_service
        make_transport = service.transports.KeyManagementServiceGrpcAsyncIOTransport
        if self._config.insecure:
            grpc = import_extra("grpc.aio", _EXTRA)
            channel = grpc.insecure_channel(self._config.endpoint, options=_OPTIONS)
            transport = make_transport(channel=channel)
        else:
            transport = make_transport(
                host=self._config.endpoint or service.KeyManagementServiceClient.DEFAULT_ENDPOINT,
                credentials=await asyncio.to_thread(self._credentials),
                channel=_reconnecting(make_transport.create_channel),
                always_use_jwt_access=True,
            )
        make_client = service.KeyManagementServiceAsyncClient  # it looks around on the disk
        self._client = await asyncio.to_thread(make_client, transport=transport)
        return ()

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.transport.close()

    async def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt under the primary version of the key."""
        answer = await self._ask(self._client.encrypt, context, plaintext=secret)
        return bytes(answer.ciphertext)

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt under the version that the value names."""
        answer = await self._ask(self._client.decrypt, context, ciphertext=wrapped)
        return bytes(answer.plaintext)

    async def rewrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt and encrypt: Cloud KMS has no call that does both."""
        return await self.wrap(await self.unwrap(wrapped, context), context)

    def _credentials(self) -> Any:
        auth = import_extra("google.auth", _EXTRA)
        service_account = import_extra("google.oauth2.service_account", _EXTRA).Credentials
        file = self._credentials_file
        try:
            if file is None:
                return auth.default(scopes=[_SCOPE])[0]
            return service_account.from_service_account_file(str(file), scopes=[_SCOPE])
        except auth.exceptions.GoogleAuthError as error:
            raise SinkError(f"keys: Cloud KMS: {file or ''} {error}") from error
        except (OSError, ValueError) as error:
            raise SinkError(f"keys: {file} is not a file of a service account") from error

    async def _ask(
        self, call: Callable[..., Awaitable[Any]], context: Mapping[str, str], **request: Any
    ) -> Any:
        request["name"] = self._config.key
        request["additional_authenticated_data"] = context_bytes(context)
        try:
            async with asyncio.timeout(self._config.timeout):
                # Without retry=None the client asks again for up to a minute on its own.
                return await call(request=request, retry=None, timeout=self._config.timeout)
        except self._errors.InvalidArgument as error:
            raise WrongKey("keys: Cloud KMS refuses: INVALID_ARGUMENT") from error
        except (self._errors.GoogleAPIError, TimeoutError) as error:
            raise KeysAway(f"keys: Cloud KMS does not serve us: {type(error).__name__}") from error


def _reconnecting(create_channel: Callable[..., Any]) -> Callable[..., Any]:
    def create(host: str, *, options: Any = (), **rest: Any) -> Any:
        return create_channel(host, options=[*options, *_OPTIONS], **rest)

    return create
