"""What every test stands on: asyncio, and no blocking call on its event loop."""

import gc
from collections.abc import Iterator

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings

settings.register_profile("listen-server", deadline=None)  # machines differ, and are shared
settings.load_profile("listen-server")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for no garbage among all the tests: not while they are found, nor in any of them."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def nothing_blocks_the_event_loop() -> Iterator[None]:
    with blockbuster_ctx(["listen_server", "listen_sinks", "listen_codecs"]) as found:
        for one in found.functions.values():  # a signal whose handler says where the test hangs
            one.can_block_in("pytest_timeout.py", {"timeout_sigalrm"})
        yield
