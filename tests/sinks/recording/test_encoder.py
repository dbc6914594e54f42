import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from harness import until
from recordings import left_open, record, recorded, recorder

from listen_codecs.files import audio_info, read_audio, write_audio
from listen_codecs.formats import AudioBlock
from listen_sinks.recording.encoder import Encoder, EncodingFailed
from listen_sinks.recording.encoding_process import NICENESS, encode_file
from listen_sinks.testing import make_call, make_outcome, tone


def make_wav(path: Path, audio: AudioBlock, rate: int = 8000) -> Path:
    write_audio(path, [audio], rate, len(audio), "wav")
    return path


@pytest.mark.parametrize("encoding", ["flac", "opus"])
def test_what_was_encoded_is_as_long_as_what_was_recorded(
    tmp_path: Path, encoding: Literal["flac", "opus"]
) -> None:
    source = make_wav(tmp_path / "a.wav", tone(make_call(), 2.5))

    encode_file(source, tmp_path / f"a.{encoding}", encoding)

    assert abs(audio_info(tmp_path / f"a.{encoding}").seconds - 2.5) < 0.1


@pytest.mark.parametrize("sample_rate", [8000, 16000, 24000, 32000, 48000, 64000])
def test_opus_is_made_of_every_rate(tmp_path: Path, sample_rate: int) -> None:
    call = make_call(sample_rate, "stereo")
    source = make_wav(tmp_path / "a.wav", tone(call, 1.0), sample_rate)

    encode_file(source, tmp_path / "a.opus", "opus")

    info = audio_info(tmp_path / "a.opus")
    assert info.channels == 2
    assert abs(info.seconds - 1.0) < 0.1


def test_full_range_noise_survives_flac(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-32768, 32768, (2, 100_001), np.int16)
    source = make_wav(tmp_path / "a.wav", noise)

    encode_file(source, tmp_path / "a.flac", "flac")

    assert np.array_equal(read_audio(tmp_path / "a.flac")[0], noise)


async def test_a_file_that_cannot_be_encoded_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "a.wav"
    source.write_bytes(b"no audio")
    encoder = Encoder(1)

    with pytest.raises(EncodingFailed, match="kept as WAV"):
        await encoder.encode(source, tmp_path / "a.flac", "flac")
    await encoder.close()

    assert not (tmp_path / "a.flac").exists()


async def test_a_process_that_was_killed_is_replaced(tmp_path: Path) -> None:
    audio = tone(make_call(), 1.0)
    source = await asyncio.to_thread(make_wav, tmp_path / "a.wav", audio)
    encoder = Encoder(1)
    await encoder.encode(source, tmp_path / "first.flac", "flac")
    (worker,) = encoder.pids

    os.kill(worker, signal.SIGKILL)
    await encoder.encode(source, tmp_path / "second.flac", "flac")
    await encoder.close()

    first, second = (tmp_path / f"{name}.flac" for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


async def test_processes_that_died_while_they_were_idle_cost_nothing(tmp_path: Path) -> None:
    source = await asyncio.to_thread(make_wav, tmp_path / "a.wav", tone(make_call(), 5.0))
    encoder = Encoder(3)

    async def encode_three() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(3):
                tasks.create_task(encoder.encode(source, tmp_path / f"{number}.flac", "flac"))

    await encode_three()
    for process in encoder.pids:
        os.kill(process, signal.SIGKILL)
    await encode_three()
    await encoder.close()

    assert (tmp_path / "0.flac").stat().st_size == (tmp_path / "2.flac").stat().st_size


async def test_a_process_that_always_dies_leaves_the_wav_and_a_note(tmp_path: Path) -> None:
    call = make_call(48000, "stereo")
    audio = tone(call, 20.0)
    stop = asyncio.Event()

    async def kill_every_worker() -> None:
        while not stop.is_set():
            for child in plugin.encoder.pids:
                os.kill(child, signal.SIGKILL)
            await asyncio.sleep(0.02)

    async with recorder(tmp_path, format="opus") as plugin, asyncio.TaskGroup() as tasks:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.audio(audio)
        tasks.create_task(kill_every_worker())
        await sink.finish(make_outcome(call, audio.shape[1]))
        stop.set()
        recording = await recorded(plugin, call)

    assert recording.names == [f"{call.stream_id}.wav"]
    assert recording.document["format"] == "wav"
    assert recording.document["notes"] == ["kept as WAV: the encoding process died 2 times"]
    assert np.array_equal(recording.audio, audio)
    assert left_open(plugin.directory) == []


async def test_recordings_that_share_a_process_all_survive_its_death(tmp_path: Path) -> None:
    calls = [make_call() for _ in range(6)]
    audio = tone(calls[0], 5.0)

    async with recorder(tmp_path, format="flac", encoders=2) as plugin:
        await record(plugin, first := make_call(), audio)
        async with asyncio.TaskGroup() as tasks:
            for call in calls:
                tasks.create_task(record(plugin, call, audio))
            for child in plugin.encoder.pids:
                os.kill(child, signal.SIGKILL)
        for call in [first, *calls]:
            recording = await recorded(plugin, call)
            assert np.array_equal(recording.audio, audio)
            assert recording.document["state"] == "complete"


async def test_as_many_processes_as_the_operator_allows_encode_at_once(tmp_path: Path) -> None:
    source = await asyncio.to_thread(make_wav, tmp_path / "a.wav", tone(make_call(), 5.0))
    encoder = Encoder(2)

    async with asyncio.TaskGroup() as tasks:
        for number in range(5):
            tasks.create_task(encoder.encode(source, tmp_path / f"{number}.flac", "flac"))
    used = encoder.pids
    await encoder.close()

    assert len(used) == 2
    assert all((tmp_path / f"{number}.flac").stat().st_size for number in range(5))


async def test_a_process_serves_many_files_and_makes_room_for_live_calls(tmp_path: Path) -> None:
    source = await asyncio.to_thread(make_wav, tmp_path / "a.wav", tone(make_call(), 1.0))
    broken = tmp_path / "b.wav"
    broken.write_bytes(b"no audio")
    encoder = Encoder(1)

    await encoder.encode(source, tmp_path / "first.flac", "flac")
    before = encoder.pids
    with pytest.raises(EncodingFailed):
        await encoder.encode(broken, tmp_path / "second.flac", "flac")
    await encoder.encode(source, tmp_path / "third.flac", "flac")
    (process,) = after = encoder.pids
    niceness = os.getpriority(os.PRIO_PROCESS, process)
    await encoder.close()

    assert before == after
    assert niceness == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)


async def test_a_stop_ends_a_process_in_the_middle_of_a_file(tmp_path: Path) -> None:
    audio = tone(make_call(48000, "stereo"), 120.0)
    source = await asyncio.to_thread(make_wav, tmp_path / "a.wav", audio, 48000)
    encoder = Encoder(1)
    encoding = asyncio.create_task(encoder.encode(source, tmp_path / "a.opus", "opus"))
    await until((tmp_path / "a.opus").exists)

    await encoder.close()

    with pytest.raises(EncodingFailed, match="the server stopped"):
        await encoding
    assert encoder.pids == set()


def test_no_process_outlives_a_killed_server(tmp_path: Path) -> None:
    program = f"""
import asyncio, os, signal
from pathlib import Path
from listen_sinks.testing import *
from recordings import recorder, record

async def main():
    async with recorder(Path({str(tmp_path)!r}), format="flac") as plugin:
        await record(plugin, call := make_call(), tone(call))
        print(*plugin.encoder.pids, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    asyncio.run(main())
"""
    script = tmp_path / "server.py"
    script.write_text(program)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}

    # its standard output ends when the last process that has it ends
    ran = subprocess.run(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, check=False, env=environment
    )

    assert ran.returncode == -signal.SIGKILL
    assert len(ran.stdout.split()) == 1
