"""jambonz on either transport, asking an application that runs under a real uvicorn."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from jambonz.desk import Desk
from jambonz.peer import Http, Platform, Socket, up

from listen_server.jambonz import Addresses, served


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(params=["webhooks", "websocket"])
async def platform(request: pytest.FixtureRequest, desk: Desk) -> AsyncIterator[Platform]:
    app = served(desk, prefix="/desk", addresses=Addresses(audio="wss://audio.example.com"))
    async with up(app) as address, httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        if request.param == "webhooks":
            yield Http(client, f"http://{address}/desk")
        else:
            socket = await Socket.open(f"{address}/desk")
            yield socket
            await socket.close()
