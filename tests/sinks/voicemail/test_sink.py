import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from harness import until
from mailbox_contents import Kept, contents, make_voicemail, shipped, take, voicemail
from tables import lay_tables

from listen_codecs.formats import AudioBlock
from listen_sinks.api import (
    Call,
    DtmfPressed,
    Gap,
    MarkReached,
    MetadataArrived,
    SinkError,
    SinkPlugin,
    SummaryReceived,
)
from listen_sinks.conformance import SinkContract
from listen_sinks.testing import make_call, make_outcome, tone
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.outline import decode_outline
from listen_sinks.voicemail.sink import MOST_EVENT_BYTES


class TestVoicemail(SinkContract):
    @pytest.fixture
    def plugin(self, tmp_path: Path) -> Voicemail:
        lay_tables(tmp_path)
        return make_voicemail(tmp_path)

    def kept(self, plugin: SinkPlugin, stream_id: str) -> AudioBlock | None:
        found = asyncio.run(contents(plugin.context.data_dir, only=stream_id))
        return found[stream_id].audio

    async def _check(self, plugin: SinkPlugin, call: Call, audio: AudioBlock) -> None:
        assert isinstance(plugin, Voicemail)
        await shipped(plugin)
        await super()._check(plugin, call, audio)


async def only(data_dir: Path) -> Kept:
    """Open the one message there is."""
    (kept,) = (await contents(data_dir)).values()
    return kept


async def test_a_message_is_in_the_index_whole_and_sealed(tmp_path: Path) -> None:
    call = make_call(16000, "stereo")
    async with voicemail(tmp_path) as plugin:
        await take(plugin, call, tone(call, 3.0))
        await shipped(plugin)

    kept = await only(tmp_path)
    assert (kept.message, kept.tenant) == (call.stream_id, "example")
    assert (kept.state, kept.outcome, kept.reason) == ("new", "complete", "closed by the peer")
    assert (kept.ending, kept.seconds) == ("sealed", 3.0)
    assert kept.audio is not None
    assert np.array_equal(kept.audio, tone(call, 3.0))


async def test_what_is_known_of_the_call_is_sealed_with_it(tmp_path: Path) -> None:
    call = make_call(route="/listen/voicemail/{mailbox}", attributes={"topic": {"a": [1, None]}})
    outcome = make_outcome(call, 8000, gaps=(Gap(0.5, 2.0, "not received"),), flags=("odd",))
    async with voicemail(tmp_path) as plugin:
        await take(plugin, call, tone(call), outcome)
        await shipped(plugin)

    meta = (await only(tmp_path)).meta
    assert meta["call"]["from"] == "+15551230001"
    assert meta["call"]["to"] == "+15551230002"
    assert meta["call"]["call_sid"] == call.call_sid
    assert meta["metadata"] == {"topic": {"a": [1, None]}}
    assert (meta["tenant"], meta["route"]) == ("example", "/listen/voicemail/{mailbox}")
    assert (meta["stream_id"], meta["mix"]) == (call.stream_id, "mono")
    assert meta["gaps"] == [{"at": 0.5, "seconds": 2.0, "reason": "not received"}]
    assert meta["flags"] == ["odd"]
    assert meta["received"] == {"frames": 8000, "seconds": 1.0}


async def test_the_outline_is_that_of_the_audio(tmp_path: Path) -> None:
    call = make_call(8000, "stereo")
    audio = tone(call, 30.0)
    async with voicemail(tmp_path) as plugin:
        await take(plugin, call, audio)
        await shipped(plugin)

    outline = decode_outline((await only(tmp_path)).values["peaks"])
    assert outline.peaks.shape[0] == 2
    assert 500 <= outline.peaks.shape[1] <= 1001
    assert outline.frames_per_bucket * (outline.peaks.shape[1] - 1) < audio.shape[1]
    assert outline.peaks.max() == audio.max()


@pytest.mark.parametrize("asked", [False, True])
async def test_keys_are_kept_only_where_asked_for(tmp_path: Path, asked: bool) -> None:  # noqa: FBT001 - a case
    call = make_call()
    async with voicemail(tmp_path, dtmf=asked) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.audio(tone(call))
        await sink.event(DtmfPressed("7", 0.2), 1.0)
        await sink.event(MarkReached("m", cleared=False), 1.0)
        await sink.finish(make_outcome(call, 8000))
        await shipped(plugin)

    events = (await only(tmp_path)).meta["events"]
    assert events[-1] == {"at": 1.0, "event": "mark", "name": "m", "cleared": False}
    assert [event for event in events if event["event"] == "dtmf"] == (
        [{"at": 1.0, "event": "dtmf", "digit": "7", "duration": 0.2}] if asked else []
    )


async def test_events_without_end_do_not_fill_the_index(tmp_path: Path) -> None:
    call = make_call()
    async with voicemail(tmp_path) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        for number in range(100):
            await sink.event(SummaryReceived({"n": number, "text": "x" * 10_000}), 0.0)
        await sink.finish(make_outcome(call, 0))
        await shipped(plugin)

    meta = (await only(tmp_path)).meta
    assert 10 < len(meta["events"]) < 100
    assert len(json.dumps(meta["events"])) < MOST_EVENT_BYTES
    assert meta["notes"] == ["some events were too much to be kept"]


async def test_metadata_that_comes_late_names_the_caller(tmp_path: Path) -> None:
    first, second = make_call(), make_call(call_sid=None, attributes={})
    async with voicemail(tmp_path) as plugin:
        await take(plugin, first, tone(first))
        sink = plugin.sink(second)
        await sink.start(second)
        await sink.event(MetadataArrived({"from": "+15551230001"}, "lenient"), 0.0)
        await sink.audio(tone(second))
        await sink.finish(make_outcome(second, 8000))
        await shipped(plugin)

    kept = await contents(tmp_path)
    assert kept[second.stream_id].meta["call"]["from"] == "+15551230001"
    assert kept[second.stream_id].caller == kept[first.stream_id].caller is not None


@pytest.mark.parametrize("state", ["interrupted", "failed"])
async def test_a_stream_that_ends_badly_is_kept_as_far_as_it_came(
    tmp_path: Path, state: str
) -> None:
    call = make_call()
    outcome = make_outcome(call, 8000, state=state, reason="the peer vanished")  # type: ignore[arg-type]
    async with voicemail(tmp_path) as plugin:
        await take(plugin, call, tone(call), outcome)
        await shipped(plugin)

    kept = await only(tmp_path)
    assert (kept.outcome, kept.reason) == (state, "the peer vanished")
    assert (kept.ending, kept.seconds) == ("sealed", 1.0)


async def test_a_message_that_is_too_short_is_discarded_and_counted(tmp_path: Path) -> None:
    short, long = make_call(), make_call()
    async with voicemail(tmp_path, min_seconds=2.0) as plugin:
        await take(plugin, short, tone(short, 1.9))
        await take(plugin, long, tone(long, 2.0))
        await shipped(plugin)
        assert plugin.shipper.discarded == 1

    kept = await contents(tmp_path)
    assert kept[long.stream_id].state == "new"
    assert kept[short.stream_id].state == "discarded"
    assert kept[short.stream_id].reason == "shorter than 2 s"
    assert kept[short.stream_id].audio is None
    assert len(list((tmp_path / "store").rglob("*.lsv1"))) == 1


async def test_finish_waits_for_the_spool_and_not_for_the_store(tmp_path: Path) -> None:
    call = make_call()
    async with voicemail(tmp_path) as plugin:
        go_on = asyncio.Event()
        put = plugin.objects.put

        async def wait(name: str, source: object) -> None:
            await go_on.wait()
            await put(name, source)  # type: ignore[arg-type]

        plugin.objects.put = wait  # type: ignore[method-assign]
        await take(plugin, call, tone(call))

        assert plugin.shipping.waiting == 1
        assert await contents(tmp_path) == {}
        go_on.set()
        await shipped(plugin)
        assert set(await contents(tmp_path)) == {call.stream_id}


async def test_what_cannot_be_shipped_in_time_is_shipped_by_the_next_start(
    tmp_path: Path,
) -> None:
    call = make_call()
    async with voicemail(tmp_path, close_timeout=0.1) as plugin:

        async def refuse(name: str, source: object) -> None:
            raise OSError(f"no {name} today: {source}")

        plugin.objects.put = refuse  # type: ignore[method-assign]
        await take(plugin, call, tone(call))
        await until(lambda: plugin.shipping.failures)

    assert await contents(tmp_path) == {}
    async with voicemail(tmp_path) as plugin:
        assert plugin.recovered == 1
        await shipped(plugin)

    kept = await only(tmp_path)
    assert (kept.outcome, kept.ending) == ("complete", "sealed")


async def test_a_stream_that_nobody_finished_is_kept_when_the_server_stops(tmp_path: Path) -> None:
    call = make_call()
    async with voicemail(tmp_path) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.audio(tone(call))

    kept = await only(tmp_path)
    assert (kept.outcome, kept.reason, kept.seconds) == ("interrupted", "server stopped", 1.0)


async def test_a_second_sink_of_this_kind_has_everything_of_its_own(tmp_path: Path) -> None:
    call = make_call()
    for name in ("voicemail", "other"):
        async with voicemail(tmp_path, name=name) as plugin:
            await take(plugin, call, tone(call))

    for folder in (tmp_path, tmp_path / "voicemail-other"):
        assert (await only(folder)).message == call.stream_id


async def test_an_id_that_is_none_of_ours_is_declined(tmp_path: Path) -> None:
    call = replace(make_call(), stream_id="../../etc/passwd")
    async with voicemail(tmp_path) as plugin:
        with pytest.raises(SinkError, match="not a ULID"):
            await plugin.sink(call).start(call)

        assert await asyncio.to_thread(lambda: list(tmp_path.rglob("*.note"))) == []
