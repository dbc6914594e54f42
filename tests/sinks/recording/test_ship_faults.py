"""A bucket that refuses, hangs and comes back, under recordings that are on their way to it."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from bucket import bucket
from harness import until
from recordings import every_file, left_open, make_plugin, record, recorder
from shipped_recordings import arrived, failures, nothing_here, shipped, waiting
from structlog.testing import capture_logs

from listen_sinks import objects, shipping
from listen_sinks.objects import ObjectsAway, ObjectStore, Source
from listen_sinks.testing import make_call, make_outcome, tone


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_ANSWER", 1.0)
    monkeypatch.setattr(shipping, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(shipping, "LONGEST_DELAY", 0.2)


@pytest.mark.parametrize("state", ["cut", "stuck"])
async def test_while_the_bucket_is_away_calls_go_on_and_nothing_is_lost(
    tmp_path: Path, state: str
) -> None:
    calls = [make_call() for _ in range(5)]
    async with bucket() as there:
        async with recorder(tmp_path, **there.config) as plugin:
            there.link.state = state  # type: ignore[assignment]
            for call in calls[:3]:
                await record(plugin, call, tone(call))
            live = plugin.sink(calls[3])
            await live.start(calls[3])
            await until(lambda: failures(plugin) >= 2, 20.0)
            assert waiting(plugin) == 3
            spooled = (await plugin.waiting())["spool"]
            assert (spooled.count, spooled.oldest is not None) == (3, True)
            assert spooled.size > 3 * 2 * 8000  # bytes of a second of audio each
            assert plugin.unavailable() is None
            await live.audio(tone(calls[3]))
            await live.finish(make_outcome(calls[3], 8000))
            here = await asyncio.to_thread(left_open, plugin.directory)
            assert {f"{call.stream_id}.wav" for call in calls[:4]} <= set(here)
            assert await there.names() == set()

            there.link.state = "open"
            await record(plugin, calls[4], tone(calls[4]))
            await shipped(plugin)
            assert await asyncio.to_thread(nothing_here, plugin)

        assert len(await there.names()) == 2 * len(calls)
        for call in calls:
            recording = await arrived(there, tmp_path / "found", call)
            assert np.array_equal(recording.audio, tone(call))


async def test_a_server_that_stops_while_the_bucket_is_away_leaves_the_rest_to_the_next(
    tmp_path: Path,
) -> None:
    call = make_call()
    async with bucket() as there:
        there.link.state = "cut"
        with capture_logs() as logs:
            async with recorder(tmp_path, close_timeout=0.2, **there.config) as plugin:
                await record(plugin, call, tone(call))
        assert logs[-1] == {
            "event": "left for the next start",
            "log_level": "warning",
            "what": "recording",
            "waiting": 1,
        }
        assert f"{call.stream_id}.wav" in await asyncio.to_thread(left_open, plugin.directory)

        there.link.state = "open"
        async with recorder(tmp_path, **there.config) as plugin:
            assert plugin.recovered == 1
            await shipped(plugin)
        assert await asyncio.to_thread(every_file, plugin.directory) == []
        recording = await arrived(there, tmp_path / "found", call)

    assert recording.document["state"] == "complete"
    assert np.array_equal(recording.audio, tone(call))


async def test_without_a_bucket_any_more_what_waited_goes_to_the_folder_of_its_day(
    tmp_path: Path,
) -> None:
    call = make_call()
    async with bucket() as there:
        there.link.state = "cut"
        async with recorder(tmp_path, close_timeout=0.0, **there.config) as plugin:
            await record(plugin, call, tone(call))

    async with recorder(tmp_path) as plugin:
        assert plugin.recovered == 1
    day = f"{call.started_at:%Y/%m/%d}"
    assert await asyncio.to_thread(every_file, plugin.directory) == [
        f"{day}/{call.stream_id}.json",
        f"{day}/{call.stream_id}.wav",
    ]


async def test_the_log_of_a_failing_bucket_names_no_call(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    call = make_call(call_sid="canary")
    async with bucket() as there:
        config = there.config | {"store": f"{there.config['store']}-that-is-not-there"}
        async with recorder(tmp_path, close_timeout=0.0, **config) as plugin:
            await record(plugin, call, tone(call))
            await until(lambda: failures(plugin) >= 2, 20.0)

    said = capfd.readouterr().out
    assert "cannot be shipped" in said
    assert "canary" not in said


class Failing(ObjectStore):
    """A bucket that does not take everything, and remembers what it was offered."""

    def __init__(self, url: str, options: dict[str, str], refuses: str) -> None:
        super().__init__(url, options)
        self.refuses = refuses
        self.offered: list[str] = []

    async def put(self, name: str, source: Source) -> None:
        """Refuse what ends so."""
        self.offered.append(name)
        if name.endswith(self.refuses or "nothing"):
            raise ObjectsAway("not today")
        await super().put(name, source)


async def test_nothing_goes_from_here_before_the_last_of_it_is_there(tmp_path: Path) -> None:
    call = make_call(8000, "stereo")
    async with bucket() as there:
        config = there.config
        store = Failing(config["store"], config["store_options"], "-ch1.wav")
        plugin = make_plugin(tmp_path, layout="channel", **config)
        assert plugin.outbound is not None
        plugin.outbound._objects = store
        await plugin.open()
        await record(plugin, call, tone(call))
        here = [f"{call.stream_id}-ch0.wav", f"{call.stream_id}-ch1.wav", f"{call.stream_id}.json"]
        await until(lambda: failures(plugin) >= 2)
        assert await asyncio.to_thread(left_open, plugin.directory) == [*here, "lock"]

        store.refuses = ".json"
        await until(lambda: any(name.endswith(".json") for name in store.offered))
        assert await asyncio.to_thread(left_open, plugin.directory) == [*here, "lock"]

        store.refuses = ""
        await shipped(plugin)
        assert await asyncio.to_thread(nothing_here, plugin)
        await plugin.close()
        recording = await arrived(there, tmp_path / "found", call)

    assert np.array_equal(recording.audio, tone(call))
    assert len([name for name in store.offered if name.endswith("-ch0.wav")]) == 1
