"""What every key provider promises, as tests; and what one that asks over the network does too.

A test class inherits `KeyProviderContract`, or `RemoteContract`, and says how its provider is made.
"""

import asyncio
import base64
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ports import port_of

from listen_sinks.voicemail.keys import KeyProvider, KeysAway, WrongKey, check, make_provider

SECRET = bytes(range(100, 132))
CONTEXT = {"mailbox": "01KB0000000000000000000MBX", "version": "1"}
OTHER_CONTEXTS = (CONTEXT | {"version": "2"}, {"mailbox": CONTEXT["mailbox"]}, {"check": "x"})
PATIENCE = 0.5  # seconds: the timeout of a provider whose service is away or hangs


@asynccontextmanager
async def opened(kind: str, values: dict[str, Any], data_dir: Path) -> AsyncIterator[KeyProvider]:
    """Make a provider as the server would, opened."""
    provider = await asyncio.to_thread(make_provider, kind, values, data_dir)
    await provider.open()
    try:
        yield provider
    finally:
        await provider.close()


class KeyProviderContract:
    """Tests for any provider; a subclass has the fixture `provider`, opened."""

    async def test_what_is_wrapped_comes_back(self, provider: KeyProvider) -> None:
        wrapped = await provider.wrap(SECRET, CONTEXT)

        assert await provider.unwrap(wrapped, CONTEXT) == SECRET
        assert SECRET not in wrapped

    async def test_the_context_has_no_order(self, provider: KeyProvider) -> None:
        wrapped = await provider.wrap(SECRET, CONTEXT)

        assert await provider.unwrap(wrapped, dict(reversed(CONTEXT.items()))) == SECRET

    async def test_under_another_context_it_does_not_unwrap(self, provider: KeyProvider) -> None:
        wrapped = await provider.wrap(SECRET, CONTEXT)

        for context in OTHER_CONTEXTS:
            with pytest.raises(WrongKey):
                await provider.unwrap(wrapped, context)
            with pytest.raises(WrongKey):
                await provider.rewrap(wrapped, context)

    async def test_what_was_changed_does_not_unwrap(self, provider: KeyProvider) -> None:
        wrapped = bytearray(await provider.wrap(SECRET, CONTEXT))
        wrapped[-5] ^= 1

        with pytest.raises(WrongKey):
            await provider.unwrap(bytes(wrapped), CONTEXT)

    async def test_what_it_never_wrapped_does_not_unwrap(self, provider: KeyProvider) -> None:
        for foreign in (b"x", b"LSR1" + bytes(60), b"vault:v1:AAAA", bytes(200)):
            with pytest.raises(WrongKey):
                await provider.unwrap(foreign, CONTEXT)

    async def test_wrapped_anew_it_is_the_same_secret(self, provider: KeyProvider) -> None:
        wrapped = await provider.wrap(SECRET, CONTEXT)

        anew = await provider.rewrap(wrapped, CONTEXT)

        assert anew != wrapped
        assert await provider.unwrap(anew, CONTEXT) == SECRET
        with pytest.raises(WrongKey):
            await provider.unwrap(anew, OTHER_CONTEXTS[0])

    async def test_it_passes_its_own_check(self, provider: KeyProvider) -> None:
        await check(provider)

    async def test_no_secret_is_logged_at_any_level(
        self, provider: KeyProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)

        wrapped = await provider.wrap(SECRET, CONTEXT)
        await provider.unwrap(wrapped, CONTEXT)

        for form in shapes(SECRET):
            assert form not in caplog.text

    async def test_many_at_once_are_served(self, provider: KeyProvider) -> None:
        wrapped = await asyncio.gather(*(provider.wrap(SECRET, CONTEXT) for _ in range(10)))
        found = await asyncio.gather(*(provider.unwrap(one, CONTEXT) for one in wrapped))

        assert found == [SECRET] * 10


class Service(ABC):
    """A key service on a port of this machine, that can go away and come back."""

    def __init__(self) -> None:
        self.port = port_of(self)

    @abstractmethod
    def running(self) -> Any:
        """Return an async context manager: the service is up in it, with the keys it had."""

    @abstractmethod
    def values(self) -> dict[str, Any]:
        """Return the configuration of a provider for it."""

    @asynccontextmanager
    async def hanging(self) -> AsyncIterator[None]:
        """Take connections, and never say a word."""
        async with AsyncExitStack() as connections:

            async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                connections.callback(writer.close)

            server = await asyncio.start_server(take, "127.0.0.1", self.port)
            try:
                yield
            finally:
                server.close()


class RemoteContract(KeyProviderContract):
    """More tests; a subclass has the fixture `service`, down, and the name of its provider."""

    kind: str

    @pytest.fixture
    async def provider(self, service: Service, tmp_path: Path) -> AsyncIterator[KeyProvider]:
        async with service.running(), opened(self.kind, service.values(), tmp_path) as provider:
            yield provider

    def impatient(self, service: Service, data_dir: Path) -> Any:
        return opened(self.kind, service.values() | {"timeout": PATIENCE}, data_dir)

    async def test_it_opens_while_the_service_is_away_and_serves_when_it_comes(
        self, service: Service, tmp_path: Path
    ) -> None:
        async with self.impatient(service, tmp_path) as provider:
            with pytest.raises(KeysAway):
                await provider.wrap(SECRET, CONTEXT)

            async with service.running():
                wrapped = await when_back(lambda: provider.wrap(SECRET, CONTEXT))

            with pytest.raises(KeysAway):
                await provider.unwrap(wrapped, CONTEXT)

            async with service.running():
                assert await when_back(lambda: provider.unwrap(wrapped, CONTEXT)) == SECRET

    async def test_a_service_that_hangs_is_away_after_the_timeout_and_comes_back(
        self, service: Service, tmp_path: Path
    ) -> None:
        async with self.impatient(service, tmp_path) as provider:
            async with service.hanging():
                began = time.monotonic()
                with pytest.raises(KeysAway):
                    await provider.wrap(SECRET, CONTEXT)
                assert time.monotonic() - began < 10 * PATIENCE

            async with service.running():
                wrapped = await when_back(lambda: provider.wrap(SECRET, CONTEXT))
                assert await when_back(lambda: provider.unwrap(wrapped, CONTEXT)) == SECRET


async def when_back(ask: Callable[[], Awaitable[bytes]]) -> bytes:
    """Ask until the service is found to be back; return what it says then."""
    async with asyncio.timeout(15):
        while True:
            try:
                return await ask()
            except KeysAway:
                await asyncio.sleep(0.05)


def shapes(secret: bytes) -> list[str]:
    """Return how a secret might look in text."""
    return [
        secret.hex(),
        secret.hex().upper(),
        base64.b64encode(secret).decode().rstrip("="),
        base64.urlsafe_b64encode(secret).decode().rstrip("="),
        repr(secret)[2:-1],
        str(list(secret))[1:-1],
        "".join(f"\\{byte:03o}" for byte in secret[:4]),
    ]
