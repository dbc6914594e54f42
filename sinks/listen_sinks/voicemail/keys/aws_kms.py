"""AWS KMS as the root: boto3, which blocks, in threads of its own. FORMAT.md, section 7.

https://docs.aws.amazon.com/kms/latest/APIReference/
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from listen_sinks.api import SinkError
from listen_sinks.voicemail.keys.making import import_extra, keep_quiet
from listen_sinks.voicemail.keys.provider import KeysAway, Notice, WrongKey

_DOES_NOT_FIT: Final = {
    "InvalidCiphertextException",
    "IncorrectKeyException",
    "ValidationException",
}
_THREADS: Final = 4  # a KMS that hangs blocks these, and no other thread of the server


class AwsKmsConfig(BaseModel):
    """`[sinks.voicemail.keys]` with `provider = "aws-kms"`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    key: str
    """Symmetric encryption key: its id, ARN, or `alias/...`."""
    region: str | None = None
    """AWS region; what the AWS SDK finds, if absent."""
    endpoint: str | None = None
    """Address of the service, for a private endpoint."""
    access_key_id: str | None = None
    """Access key; what the AWS SDK finds (role, profile), if absent."""
    secret_access_key: SecretStr | None = None
    """Its secret; better given in the environment."""
    timeout: float = Field(default=5.0, gt=0, le=60)
    """Seconds to connect, and seconds to wait for an answer."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("give both access_key_id and secret_access_key, or none of them")
        return self


class AwsKmsKeys:
    """Wraps in AWS KMS, with the context as encryption context (which CloudTrail records)."""

    Config: ClassVar[type[BaseModel]] = AwsKmsConfig

    def __init__(self, config: AwsKmsConfig, data_dir: Path) -> None:  # noqa: ARG002 - it has no files
        self._config = config
        self._threads = ThreadPoolExecutor(_THREADS, "aws-kms")
        self._client: Any = None
        self._refused: Any = None
        self._away: Any = None

    async def open(self, *, may_create: bool = True) -> tuple[Notice, ...]:  # noqa: ARG002 - AWS makes keys
        """Make the client; the service itself may be away. Raises SinkError with the fix."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._make_client)
        return ()

    async def close(self) -> None:
        """Close the connections; a call that hangs ends by its timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    async def wrap(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt."""
        return await self._ask(
            "encrypt",
            "CiphertextBlob",
            KeyId=self._config.key,
            Plaintext=secret,
            EncryptionContext=dict(context),
        )

    async def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Decrypt; the value names its key, and that must be ours."""
        return await self._ask(
            "decrypt",
            "Plaintext",
            KeyId=self._config.key,
            CiphertextBlob=wrapped,
            EncryptionContext=dict(context),
        )

    async def rewrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt anew under the newest material of the key; the secret stays in the service."""
        return await self._ask(
            "re_encrypt",
            "CiphertextBlob",
            CiphertextBlob=wrapped,
            SourceKeyId=self._config.key,
            SourceEncryptionContext=dict(context),
            DestinationKeyId=self._config.key,
            DestinationEncryptionContext=dict(context),
        )

    def _make_client(self) -> None:
        boto3 = import_extra("boto3", "aws-kms")
        settings = import_extra("botocore.config", "aws-kms")
        exceptions = import_extra("botocore.exceptions", "aws-kms")
        keep_quiet("boto3", "botocore", "urllib3")
        self._refused, self._away = exceptions.ClientError, exceptions.BotoCoreError
        secret = self._config.secret_access_key
        try:
            self._client = boto3.session.Session().client(
                "kms",
                region_name=self._config.region,
                endpoint_url=self._config.endpoint,
                aws_access_key_id=self._config.access_key_id,
                aws_secret_access_key=secret.get_secret_value() if secret else None,
                config=settings.Config(
                    connect_timeout=self._config.timeout,
                    read_timeout=self._config.timeout,
                    retries={"total_max_attempts": 1},
                ),
            )
        except (exceptions.BotoCoreError, ValueError) as error:
            raise SinkError(f"keys: AWS KMS: {error}") from error

    async def _ask(self, action: str, wanted: str, **parameters: Any) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._threads, lambda: bytes(getattr(self._client, action)(**parameters)[wanted])
            )
        except self._refused as error:
            code = str(error.response["Error"]["Code"])
            if code in _DOES_NOT_FIT:
                raise WrongKey(f"keys: AWS KMS refuses: {code}") from error
            raise KeysAway(f"keys: AWS KMS says {code}") from error
        except self._away as error:
            raise KeysAway(f"keys: AWS KMS does not answer: {type(error).__name__}") from error
