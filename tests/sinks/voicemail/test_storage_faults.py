"""A bucket that refuses, hangs and comes back, under messages that are on their way to it."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from bucket import bucket
from harness import until
from mailbox_contents import contents, shipped, take, voicemail
from spooled import files_below

from listen_sinks import objects, shipping
from listen_sinks.api import Waiting
from listen_sinks.objects import ObjectStore
from listen_sinks.testing import make_call, make_outcome, tone


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_ANSWER", 1.0)
    monkeypatch.setattr(shipping, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(shipping, "LONGEST_DELAY", 0.2)


async def test_messages_arrive_in_a_bucket(tmp_path: Path) -> None:
    async with bucket() as there:
        call = make_call(8000, "stereo")
        async with voicemail(tmp_path, **there.config) as plugin:
            await take(plugin, call, tone(call, 3.0))
            await shipped(plugin)

        (name,) = await there.names()
        config = there.config
        store = ObjectStore(config["store"], config["store_options"])
        (kept,) = (await contents(tmp_path, store)).values()
    assert name == f"v1/{kept.mailbox}/{call.stream_id}.0.lsv1"
    assert kept.audio is not None
    assert np.array_equal(kept.audio, tone(call, 3.0))


@pytest.mark.parametrize("state", ["cut", "stuck"])
async def test_while_the_bucket_is_away_calls_go_on_and_nothing_is_lost(
    tmp_path: Path, state: str
) -> None:
    calls = [make_call() for _ in range(6)]
    async with bucket() as there:
        async with voicemail(tmp_path, **there.config) as plugin:
            there.link.state = state  # type: ignore[assignment]
            for call in calls[:3]:
                await take(plugin, call, tone(call))
            live = plugin.sink(calls[3])
            await live.start(calls[3])
            await until(lambda: plugin.shipping.failures >= 2, 20.0)
            assert plugin.shipping.waiting == 3
            spooled = (await plugin.waiting())["spool"]
            assert (spooled.count, spooled.oldest is not None) == (3, True)
            assert spooled.size > 3 * 2 * 8000  # bytes of a second of audio each
            assert plugin.unavailable() is None
            await live.audio(tone(calls[3]))
            await live.finish(make_outcome(calls[3], 8000))
            assert await contents(tmp_path) == {}

            there.link.state = "open"
            for call in calls[4:]:
                await take(plugin, call, tone(call))
            await until(lambda: not plugin.shipping.waiting, 20.0)
            assert (await plugin.waiting())["spool"] == Waiting(0, 0, None)
            assert await asyncio.to_thread(files_below, tmp_path / "spool") == {"reserve"}

        config = there.config
        store = ObjectStore(config["store"], config["store_options"])
        kept = await contents(tmp_path, store)
        assert set(kept) == {call.stream_id for call in calls}
        assert {one.ending for one in kept.values()} == {"sealed"}
        assert len(await there.names()) == len(calls)


async def test_a_server_that_stops_while_the_bucket_is_away_leaves_the_rest_to_the_next(
    tmp_path: Path,
) -> None:
    call = make_call()
    async with bucket() as there:
        there.link.state = "cut"
        async with voicemail(tmp_path, close_timeout=0.2, **there.config) as plugin:
            await take(plugin, call, tone(call))
        assert await there.names() == set()

        there.link.state = "open"
        async with voicemail(tmp_path, **there.config) as plugin:
            assert plugin.recovered == 1
            await shipped(plugin)
        assert len(await there.names()) == 1


async def test_an_upload_that_was_cut_leaves_no_half_object(tmp_path: Path) -> None:
    call = make_call(64000, "stereo")
    audio = tone(call, 40.0)  # ten megabytes: it goes in parts
    async with bucket() as there:
        async with voicemail(tmp_path, **there.config) as plugin:
            await plugin.mailboxes.place(call)
            sink = plugin.sink(call)
            await sink.start(call)
            await sink.audio(audio)
            there.link.state = "stuck"
            await sink.finish(make_outcome(call, audio.shape[1]))
            await until(lambda: plugin.shipping.failures, 60.0)
            assert await there.names() == set()

            there.link.state = "open"
            await until(lambda: not plugin.shipping.waiting, 60.0)
            assert len(await there.names()) == 1

        config = there.config
        store = ObjectStore(config["store"], config["store_options"])
        (kept,) = (await contents(tmp_path, store)).values()
        assert kept.audio is not None
        assert np.array_equal(kept.audio, audio)
