"""What the application says of its start and its end reaches the one who serves it."""

import asyncio
from typing import Any

import pytest
from server.apps import Calls
from starlette.applications import Starlette

from listen_server.errors import ConfigError
from listen_server.server.drain import Drain
from listen_server.server.options import ServerOptions
from listen_server.server.serving import running

OPTIONS = ServerOptions(port=0, admin_port=0)


async def test_start_and_end_come_once_each() -> None:
    app = Calls()

    async with running(app, None, OPTIONS):
        assert app.phases == ["lifespan.startup"]

    assert app.phases == ["lifespan.startup", "lifespan.shutdown"]


async def test_a_start_that_fails_is_raised_as_it_is() -> None:
    def lifespan(_app: Starlette) -> Any:
        raise ConfigError("no disk")

    with pytest.raises(ConfigError, match="no disk"):
        async with running(Starlette(lifespan=lifespan), None, OPTIONS):
            pytest.fail("served without a disk")


async def test_a_start_that_says_failed_is_raised_with_its_reason() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no disk"})

    with pytest.raises(RuntimeError, match="startup failed: no disk"):
        async with running(app, None, OPTIONS):
            pytest.fail("served without a disk")


async def test_an_application_without_a_lifespan_is_served() -> None:
    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        assert scope["type"] == "websocket"

    async with running(app, None, OPTIONS) as bound:
        assert bound.port


async def test_an_end_that_fails_is_raised() -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        async with running(app, None, OPTIONS):
            pass


async def test_what_the_start_puts_into_the_state_is_in_every_scope() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            scope["state"]["found"] = "here"
            await Calls()(scope, receive, send)
        else:
            seen.set_result(scope["state"]["found"])

    seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with running(app, None, OPTIONS, drain=Drain()) as bound:
        _, writer = await asyncio.open_connection("127.0.0.1", bound.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

        assert await seen == "here"
        writer.close()
