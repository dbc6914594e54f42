"""What the API answers while a worker is away: what is known, and that something is not."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx2
from live.worker_calls import TENANT, Worker
from starlette.applications import Starlette
from starlette.routing import Route

from listen_server.admission import Admitted
from listen_server.live.api import CallsApi
from listen_server.live.commander import Commander
from listen_server.live.crew import Crew
from listen_server.live.here import Away
from listen_server.live.seen import SeenCall

PAUSE = {"command": "listen:status", "data": {"listen_status": "pause"}}


class Hung(Worker):
    """A worker that has seen the call a moment ago, and does not answer any more."""

    async def write(self, tenant: str, call_sid: str, command: object) -> list[str]:
        raise Away(f"{tenant}, {call_sid}, {command!r}")


@asynccontextmanager
async def api(*workers: Worker, missing: int = 0) -> AsyncIterator[httpx2.AsyncClient]:
    async def others() -> tuple[Sequence[Worker], int]:
        return workers[1:], missing

    async def audit(_credential: str, _call: SeenCall) -> None:
        return

    crew = Crew(workers[0], others)
    made = CallsApi(crew, Commander(crew, {}), lambda _: Admitted(TENANT, None), audit)
    routes = [
        Route("/calls", made.list),
        Route("/calls/{call_sid}/commands", made.command, methods=["POST"]),
    ]
    transport = httpx2.ASGITransport(Starlette(routes=routes))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_a_list_says_how_many_workers_have_not_answered() -> None:
    here = Worker()
    here.streams("a")

    async with api(here, missing=1) as client:
        told = (await client.get("/calls")).json()

    assert ([call["call_sid"] for call in told["calls"]], told["unanswered_workers"]) == (["a"], 1)


async def test_a_call_that_may_be_anothers_is_not_said_to_be_none() -> None:
    async with api(Worker(), missing=1) as client:
        unknown = await client.post("/calls/a/commands", json=PAUSE)
    async with api(Worker()) as client:
        none = await client.post("/calls/a/commands", json=PAUSE)

    assert (unknown.status_code, none.status_code) == (503, 404)
    assert "1 worker(s) did not answer" in unknown.json()["error"]


async def test_a_way_that_may_be_anothers_is_not_said_to_be_none() -> None:
    here = Worker()
    here.streams("a")

    async with api(here, missing=1) as client:
        unknown = await client.post("/calls/a/commands", json=PAUSE)
    async with api(here) as client:
        none = await client.post("/calls/a/commands", json=PAUSE)

    assert (unknown.status_code, none.status_code) == (503, 409)


async def test_a_worker_that_is_lost_on_the_way_is_told() -> None:
    there = Hung()
    there.sockets.open("a")

    async with api(Worker(), there) as client:
        assert (await client.post("/calls/a/commands", json=PAUSE)).status_code == 503
