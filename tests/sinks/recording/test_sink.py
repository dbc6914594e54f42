import asyncio
import json
import wave
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from harness import until
from recordings import (
    every_file,
    flush,
    left_open,
    make_plugin,
    mode_of_every,
    read_recording,
    record,
    recorded,
    recorder,
)

from listen_codecs.files import read_audio
from listen_codecs.formats import MIXES, SAMPLE_RATES, AudioBlock, Mix
from listen_sinks.api import (
    SinkContext,
    SinkError,
    SinkPlugin,
)
from listen_sinks.conformance import SinkContract
from listen_sinks.recording import Recording
from listen_sinks.testing import make_call, make_outcome, packets, tone


class TestRecording(SinkContract):
    @pytest.fixture(
        params=[{}, {"layout": "channel"}, {"max_file_bytes": 2**16}],
        ids=["one file", "a file per channel", "short files"],
    )
    def plugin(self, tmp_path: Path, request: pytest.FixtureRequest) -> Recording:
        return make_plugin(tmp_path, **request.param)

    def kept(self, plugin: SinkPlugin, stream_id: str) -> AudioBlock:
        assert isinstance(plugin, Recording)
        return read_recording(plugin.directory, stream_id).audio


# Files -----------------------------------------------------------------------------------------


async def test_a_stream_becomes_one_file_and_a_sidecar_in_the_folder_of_its_day(
    tmp_path: Path,
) -> None:
    call = make_call()

    async with recorder(tmp_path) as plugin:
        await record(plugin, call, tone(call))

    day = call.started_at.strftime("%Y/%m/%d")
    assert every_file(tmp_path) == [
        f"recordings/{day}/{call.stream_id}.json",
        f"recordings/{day}/{call.stream_id}.wav",
    ]


async def test_the_day_is_that_of_utc_on_which_the_stream_began(tmp_path: Path) -> None:
    call = make_call(started_at=datetime.fromisoformat("2026-01-01T01:30:00+02:00"))

    async with recorder(tmp_path) as plugin:
        await record(plugin, call, tone(call))

    assert (tmp_path / "recordings/2025/12/31" / f"{call.stream_id}.wav").exists()


async def test_one_file_per_channel_if_so_configured(tmp_path: Path) -> None:
    call = make_call(8000, "stereo")
    audio = tone(call)

    async with recorder(tmp_path, layout="channel") as plugin:
        await record(plugin, call, audio)
        recording = await recorded(plugin, call)

    assert recording.names == [f"{call.stream_id}-ch0.wav", f"{call.stream_id}-ch1.wav"]
    for channel, name in enumerate(recording.names):
        samples, _ = await asyncio.to_thread(read_audio, recording.folder / name)
        assert np.array_equal(samples, audio[[channel]])


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("sample_rate", [8000, 64000])
async def test_flac_keeps_every_sample(tmp_path: Path, sample_rate: int, mix: Mix) -> None:
    call = make_call(sample_rate, mix)
    audio = tone(call)

    async with recorder(tmp_path, format="flac") as plugin:
        await record(plugin, call, audio)
        recording = await recorded(plugin, call)

    assert recording.names == [f"{call.stream_id}.flac"]
    assert recording.document["format"] == "flac"
    assert np.array_equal(recording.audio, audio)


async def test_opus_is_as_long_as_what_was_recorded_and_small(tmp_path: Path) -> None:
    call = make_call(64000, "stereo")
    audio = tone(call, 3.0)

    async with recorder(tmp_path, format="opus") as plugin:
        await record(plugin, call, audio)

    (sidecar,) = [path for path in every_file(tmp_path) if path.endswith(".json")]
    document = json.loads((tmp_path / sidecar).read_bytes())
    (file,) = document["files"]
    assert file["name"] == f"{call.stream_id}.opus"
    assert document["seconds"] == 3.0
    assert file["bytes"] < audio.nbytes / 10
    assert left_open(plugin.directory) == []


async def test_a_stream_without_audio_leaves_a_sidecar_alone(tmp_path: Path) -> None:
    call = make_call()

    async with recorder(tmp_path, format="flac") as plugin:
        await record(plugin, call, tone(call, 0.0))
        recording = await recorded(plugin, call)

    assert recording.document["state"] == "complete"
    assert recording.document["files"] == []
    assert every_file(recording.folder) == [f"{call.stream_id}.json"]


@pytest.mark.parametrize("layout", ["stream", "channel"])
async def test_a_recording_goes_on_in_another_file_without_losing_a_sample(
    tmp_path: Path, layout: str
) -> None:
    call = make_call(16000, "stereo")
    audio = tone(call, 3.3)

    async with recorder(tmp_path, layout=layout, max_file_bytes=2**16) as plugin:
        await record(plugin, call, audio)
        recording = await recorded(plugin, call)

    assert np.array_equal(recording.audio, audio)
    assert all(file["bytes"] <= 2**16 for file in recording.document["files"])
    assert f"{call.stream_id}{'' if layout == 'stream' else '-ch1'}-part2.wav" in recording.names


async def test_nobody_else_on_the_machine_can_read_a_recording(tmp_path: Path) -> None:
    call = make_call()

    async with recorder(tmp_path, format="flac") as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.audio(tone(call))
        await flush(plugin, sink)
        while_on = mode_of_every(plugin.directory)
        await sink.finish(make_outcome(call, 8000))
        afterwards = mode_of_every(plugin.directory)

    assert while_on == afterwards == {"files": {0o600}, "folders": {0o700}}


async def test_the_directory_can_be_chosen(tmp_path: Path) -> None:
    call = make_call()

    async with recorder(tmp_path / "data", directory=str(tmp_path / "elsewhere")) as plugin:
        await record(plugin, call, tone(call))

    assert not (tmp_path / "data").exists()
    assert len(every_file(tmp_path / "elsewhere")) == 2


async def test_two_recording_sinks_on_one_route_do_not_meet(tmp_path: Path) -> None:
    call = make_call()
    audio = tone(call)
    archive = Recording(Recording.Config(), SinkContext("archive", tmp_path))
    await archive.open()

    async with recorder(tmp_path) as plugin:
        await record(plugin, call, audio)
        await record(archive, call, audio)
        await archive.close()

        for each in (plugin, archive):
            assert np.array_equal((await recorded(each, call)).audio, audio)


async def test_two_recording_sinks_in_one_directory_overwrite_nothing(tmp_path: Path) -> None:
    call = make_call()
    first, second = tone(call, hertz=300), tone(call, hertz=500)

    async with (
        recorder(tmp_path, directory="shared") as one,
        recorder(tmp_path, directory="shared") as other,
    ):
        await record(one, call, first)
        with pytest.raises(SinkError, match="need a `directory` each"):
            await record(other, call, second)

    assert np.array_equal((await recorded(one, call)).audio, first)
    assert left_open(one.directory) == [f"{call.stream_id}.json", f"{call.stream_id}.wav", "lock"]


TRICKS = [
    "../../../../tmp/trick",
    "/etc/trick",
    "trick\x00.wav",
    "..",
    "a" * 5000,
    "CON",
    "tri/ck",
    "%2e%2e%2ftrick",
]


@pytest.mark.parametrize("trick", TRICKS)
async def test_nothing_that_a_caller_says_is_in_a_file_name(tmp_path: Path, trick: str) -> None:
    call = make_call(
        call_sid=trick,
        tenant=trick,
        route=f"/listen/{trick}",
        path_params={"vendor": trick},
        attributes={"callSid": trick, trick: trick, "stream_id": trick},
    )

    async with recorder(tmp_path, layout="channel") as plugin:
        await record(plugin, call, tone(call))
        recording = await recorded(plugin, call)

    day = call.started_at.strftime("%Y/%m/%d")
    assert every_file(tmp_path) == [
        f"recordings/{day}/{call.stream_id}-ch0.wav",
        f"recordings/{day}/{call.stream_id}.json",
    ]
    assert recording.document["call"]["call_sid"] == trick


@pytest.mark.parametrize("trick", [trick for trick in TRICKS if trick != "CON"] + ["", "a-ch0"])
async def test_a_stream_id_that_is_no_plain_word_is_refused(tmp_path: Path, trick: str) -> None:
    async with recorder(tmp_path) as plugin:
        with pytest.raises(SinkError, match="letters and digits"):
            plugin.sink(make_call(stream_id=trick or " "))


# While the call is on --------------------------------------------------------------------------


@pytest.mark.parametrize("sample_rate", SAMPLE_RATES)
async def test_a_recording_can_be_played_while_it_goes_on(tmp_path: Path, sample_rate: int) -> None:
    call = make_call(sample_rate, "stereo")
    audio = tone(call)

    async with recorder(tmp_path) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        sent = 0
        for block in packets(audio, sample_rate // 2):
            await sink.audio(block)
            await flush(plugin, sink)
            played = await asyncio.to_thread(_play, plugin.directory)
            assert played == audio.T.tobytes()[: len(played)]
            sent += block.shape[1]
            assert len(played) == 4 * sent
        await sink.finish(make_outcome(call, audio.shape[1]))


def _play(directory: Path) -> bytes:
    (path,) = directory.glob("open/*/*.wav")
    with wave.open(str(path)) as file:
        assert file.getnframes() * 4 + 44 == path.stat().st_size
        return bytes(file.readframes(file.getnframes()))


async def test_audio_is_on_the_disk_an_interval_after_it_came(tmp_path: Path) -> None:
    call = make_call()

    async with recorder(tmp_path, write_interval=0.05) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.audio(tone(call))
        (folder,) = (plugin.directory / "open").iterdir()
        path = folder / f"{call.stream_id}.wav"
        await until(lambda: path.exists() and path.stat().st_size == 16044)
        await sink.finish(make_outcome(call, 8000))


async def test_a_fast_stream_does_not_pile_up_in_memory(tmp_path: Path) -> None:
    call = make_call(64000, "stereo")
    audio = tone(call, 10.0)
    most = 0

    async with recorder(tmp_path, write_interval=10) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        for block in packets(audio, 6400) * 10:
            await sink.audio(block)
            most = max(most, sink._tape.pending)  # type: ignore[attr-defined]
        await sink.finish(make_outcome(call, 6_400_000))
        recording = await recorded(plugin, call)

    assert recording.document["frames"] == 6_400_000
    assert most <= 2 * 256_000 * 10


async def test_a_finish_that_is_cut_short_is_made_up_for_when_the_plugin_closes(
    tmp_path: Path,
) -> None:
    call = make_call(48000, "stereo")
    audio = tone(call, 30.0)

    async with recorder(tmp_path, format="opus") as plugin:
        recording_it = asyncio.create_task(record(plugin, call, audio))
        await until(lambda: plugin.encoder.pids)  # it encodes
        recording_it.cancel()
        with pytest.raises(asyncio.CancelledError):
            await recording_it

    recording = await recorded(plugin, call)
    assert recording.names == [f"{call.stream_id}.wav"]
    assert left_open(plugin.directory) == []
    assert np.array_equal(recording.audio, audio)
