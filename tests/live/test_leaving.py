"""A server that stops while jambonz asks: it answers, and then says good-bye."""

from pathlib import Path

import pytest
from harness import until
from live.live_server import HERE, api, application, stream

from listen_server.server.drain import DrainState


@pytest.fixture(autouse=True)
def desk_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)


async def test_a_hook_that_is_in_flight_at_the_deadline_is_answered(tmp_path: Path) -> None:
    async with api(tmp_path) as on, application(on) as jambonz:
        on.server.drain.begin(0.0)

        answered = await jambonz.hook("/slowly")

        assert answered == [{"verb": "pause", "length": 1}]
        assert await jambonz.closed() == 1001
        await until(lambda: on.server.drain.state is DrainState.STOPPING)


async def test_the_socket_of_a_call_goes_before_its_stream_whose_end_jambonz_has_to_tell(
    tmp_path: Path,
) -> None:
    async with api(tmp_path) as on, stream(on) as streamed, application(on) as jambonz:
        on.server.drain.begin(0.0)

        assert await jambonz.closed() == 1001
        assert streamed.close_code is None
        await streamed.wait_closed()
        assert streamed.close_code == 1001
