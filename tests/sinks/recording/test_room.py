import asyncio
from pathlib import Path

import pytest
from harness import until
from recordings import record, recorded, recorder
from structlog.testing import capture_logs

from listen_sinks.recording import room
from listen_sinks.recording.room import Room
from listen_sinks.testing import make_call, make_outcome, tone

LOW = "recordings are low on space"


async def test_a_disk_that_fills_up_is_told_before_live_calls_have_no_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LOOK", 0.01)
    call = make_call()
    async with recorder(small_disk, low_water=2**16) as plugin:
        assert plugin.unavailable() is None
        live = plugin.sink(call)
        await live.start(call)
        ballast = small_disk / "ballast"
        await asyncio.to_thread(ballast.write_bytes, bytes(200 * 1024))
        await until(plugin.unavailable)
        assert plugin.unavailable() == LOW
        await live.audio(tone(call))
        await live.finish(make_outcome(call, 8000))
        assert (await recorded(plugin, call)).document["state"] == "complete"

        await asyncio.to_thread(ballast.unlink)
        await until(lambda: plugin.unavailable() is None)
        await record(plugin, call := make_call(), tone(call, 0.5))
        assert (await recorded(plugin, call)).document["state"] == "complete"


async def test_a_start_on_a_disk_without_room_is_not_ready(tmp_path: Path) -> None:
    async with recorder(tmp_path, low_water=2**60) as plugin:
        assert plugin.unavailable() == LOW


def test_it_is_said_once_when_room_goes_and_once_when_it_is_back(tmp_path: Path) -> None:
    watched = Room(tmp_path, 2**60)
    with capture_logs() as logs:
        watched.look()
        watched.look()
        watched._low_water = 0
        watched.look()
        watched.look()

    assert [entry["event"] for entry in logs] == [
        "recordings are low on space: new calls are refused",
        "recordings have room again",
    ]


def test_a_directory_that_is_gone_is_not_full(tmp_path: Path) -> None:
    watched = Room(tmp_path / "gone", 2**60)

    watched.look()

    assert not watched.low
