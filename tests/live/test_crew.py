"""Calls whose parts are in several workers: seen as one, and commanded where the socket is."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from live.worker_calls import TENANT, Worker

from listen_server.jambonz import commands
from listen_server.live.commander import Commander, NoWay
from listen_server.live.crew import Crew
from listen_server.live.here import Away, Here
from listen_server.live.seen import SeenCall

PAUSE = commands.listen_status("pause")


def crew(here: Here, *others: Here, missing: int = 0) -> Crew:
    async def found() -> tuple[Sequence[Here], int]:
        return others, missing

    return Crew(here, found)


class Hung(Worker):
    """A worker that does not answer."""

    async def look(self, tenant: str, call_sids: Sequence[str] | None = None) -> list[SeenCall]:
        raise Away(f"it is asked for {call_sids} of {tenant}, and hangs")


async def test_a_call_with_its_socket_and_streams_apart_is_one_call() -> None:
    one, two = Worker(), Worker()
    one.streams("a")
    two.streams("a")
    two.sockets.open("a")

    overview = await crew(one, two).look(TENANT)

    (held,) = overview.calls.values()
    assert (len(held.call.streams), len(held.streaming)) == (2, 2)
    assert held.call.socket is not None
    assert held.writing is two


async def test_a_worker_that_does_not_answer_costs_its_own_calls_alone() -> None:
    one, hung = Worker(), Hung()
    one.streams("a")
    hung.streams("b")

    overview = await crew(one, hung, missing=1).look(TENANT)

    assert list(overview.calls) == ["a"]
    assert overview.unanswered == 2


async def test_calls_of_another_tenant_are_seen_in_no_worker() -> None:
    one, two = Worker(), Worker()
    two.streams("a")

    assert (await crew(one, two).find("other", "a"))[0] is None


async def test_a_command_goes_where_the_socket_is_and_pauses_where_the_streams_are() -> None:
    here, streaming, writing = Worker(), Worker(), Worker()
    streaming.streams("a")
    writing.sockets.open("a")
    asked = crew(here, streaming, writing)

    held, _ = await asked.find(TENANT, "a")
    assert held is not None
    written = await Commander(asked, {}).command(held, PAUSE)

    assert written.way == "socket"
    assert streaming.paused == ["a"]
    assert json.loads(writing.sockets.written[0])["data"] == {"listen_status": "pause"}


async def test_a_leg_is_commanded_over_the_socket_of_its_call_in_another_worker() -> None:
    one, two = Worker(), Worker()
    one.streams("leg", parent_call_sid="a")
    two.sockets.open("a")
    asked = crew(one, two)

    shown = (await asked.look(TENANT)).calls["leg"].call.shown()
    held, _ = await asked.find(TENANT, "leg")
    assert held is not None
    await Commander(asked, {}).command(held, commands.mute_status("mute"))

    assert shown["application_socket"] is True
    assert json.loads(two.sockets.written[0])["callSid"] == "leg"


async def test_a_leg_finds_the_socket_of_its_call_that_has_come_back_to_another_worker() -> None:
    one, two = Worker(), Worker()
    one.streams("leg", parent_call_sid="a")
    one.sockets.open("a")
    one.sockets.drop("a")
    two.sockets.open("a")
    asked = crew(one, two)

    for held in [(await asked.find(TENANT, "leg"))[0], (await asked.look(TENANT)).calls["leg"]]:
        assert held is not None
        assert held.writing is two


async def test_a_socket_that_comes_back_to_another_worker_is_found_there() -> None:
    one, two = Worker(), Worker()
    one.sockets.open("a")
    one.sockets.drop("a")
    asked = crew(one, two)
    held, _ = await asked.find(TENANT, "a")
    assert held is not None

    commanding = asyncio.create_task(Commander(asked, {}).command(held, PAUSE))
    await asyncio.sleep(0)
    two.sockets.open("a")
    await commanding

    assert one.sockets.written == []
    assert len(two.sockets.written) == 1


async def test_a_call_that_is_over_while_its_socket_is_waited_for_has_no_way() -> None:
    one = Worker()
    one.sockets.open("a")
    one.sockets.drop("a")
    asked = crew(one, Worker())
    held, _ = await asked.find(TENANT, "a")
    assert held is not None
    one.sockets.calls.clear()

    with pytest.raises(NoWay):
        await Commander(asked, {}).command(held, PAUSE)
