import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from key_contract import CONTEXT, SECRET, RemoteContract, Service, opened
from moto.server import ThreadedMotoServer
from pydantic import ValidationError

from listen_sinks.api import SinkError
from listen_sinks.voicemail.keys import KeyProvider, KeysAway, WrongKey, read_provider_config
from listen_sinks.voicemail.keys.aws_kms import AwsKmsConfig

SECRET_KEY = "a-secret-access-key-of-the-tests"  # noqa: S105 - opens nothing
NO_KEY = "00000000-0000-0000-0000-000000000000"


class AwsKms(Service):
    """moto's KMS, on a port; it keeps its keys while its server is down."""

    def values(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "region": "eu-central-1",
            "endpoint": f"http://127.0.0.1:{self.port}",
            "access_key_id": "AKIATESTS",
            "secret_access_key": SECRET_KEY,
        }

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        await asyncio.to_thread(server.start)
        try:
            yield
        finally:
            await asyncio.to_thread(server.stop)

    @cached_property
    def key(self) -> str:
        server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        server.start()
        try:
            return self.make_key()
        finally:
            server.stop()

    def make_key(self) -> str:
        client = boto3.session.Session().client(
            "kms",
            region_name="eu-central-1",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id="AKIATESTS",
            aws_secret_access_key=SECRET_KEY,
            config=Config(connect_timeout=5, read_timeout=5),
        )
        try:
            return str(client.create_key()["KeyMetadata"]["Arn"])
        finally:
            client.close()


@pytest.fixture(scope="module")
def service() -> AwsKms:
    service = AwsKms()
    assert service.key
    return service


class TestAwsKmsKeys(RemoteContract):
    kind = "aws-kms"

    async def test_what_it_never_wrapped_does_not_unwrap(self, provider: KeyProvider) -> None:
        # AWS says that such a value is none; moto, that it may not be seen.
        for foreign in (b"x", bytes(200)):
            with pytest.raises((WrongKey, KeysAway)):
                await provider.unwrap(foreign, CONTEXT)


async def test_a_key_that_is_not_there_is_told(service: AwsKms, tmp_path: Path) -> None:
    values = service.values() | {"key": NO_KEY}
    async with service.running(), opened("aws-kms", values, tmp_path) as provider:
        with pytest.raises(KeysAway, match="NotFoundException"):
            await provider.wrap(SECRET, CONTEXT)


async def test_a_region_that_cannot_be_is_told_at_the_start(
    service: AwsKms, tmp_path: Path
) -> None:
    with pytest.raises(SinkError, match="AWS KMS"):
        async with opened("aws-kms", service.values() | {"region": "not a region"}, tmp_path):
            pass


async def test_a_service_that_hangs_does_not_take_the_threads_of_others(
    service: AwsKms, tmp_path: Path
) -> None:
    values = service.values() | {"timeout": 0.3}
    async with opened("aws-kms", values, tmp_path) as provider, service.hanging():
        asking = [asyncio.create_task(provider.wrap(SECRET, CONTEXT)) for _ in range(40)]
        async with asyncio.timeout(5):
            await asyncio.to_thread(lambda: None)

        await provider.close()
        found = await asyncio.gather(*asking, return_exceptions=True)

    assert len(found) == 40
    assert not any(isinstance(one, bytes) for one in found)


def test_half_a_credential_is_refused() -> None:
    with pytest.raises(ValidationError, match="both"):
        read_provider_config("aws-kms", {"key": "alias/x", "access_key_id": "AKIA"})


def test_the_secret_does_not_show() -> None:
    config = AwsKmsConfig.model_validate(
        {"key": "alias/x", "access_key_id": "AKIA", "secret_access_key": SECRET_KEY}
    )

    assert SECRET_KEY not in repr(config)
