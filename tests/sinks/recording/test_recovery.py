import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import (
    Recorded,
    every_file,
    flush,
    left_open,
    make_plugin,
    read_recording,
    record,
    recorder,
)
from structlog.testing import capture_logs

from listen_sinks.folders import Run
from listen_sinks.testing import make_call, tone

KILLED = Path(__file__).with_name("killed.py")
TESTS = Path(__file__).parents[2]
AUDIO = tone(make_call(8000, "stereo"))


def killed(*arguments: object) -> int:
    """Run recorders that are killed, to their end; return how many steps the last one had."""
    command = [sys.executable, str(KILLED), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(TESTS), "PYTHONWARNINGS": "ignore"}
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return int(ran.stdout.splitlines()[-1])


def restart(data_dir: Path, **config: Any) -> int:
    """Start and stop on what is there; return how many recordings had to be recovered."""

    async def run() -> int:
        async with recorder(data_dir, **config) as plugin:
            return plugin.recovered

    return asyncio.run(run())


def all_recordings(data_dir: Path) -> list[Recorded]:
    """Read every finished recording, and see that nothing else lies there."""
    directory = data_dir / "recordings"
    found = [read_recording(directory, path.stem) for path in directory.glob("[0-9]*/*/*/*.json")]
    listed = {name for recording in found for name in recording.names}
    there = {path.name for path in directory.rglob("*") if path.is_file()}
    assert there == listed | {f"{recording.document['stream_id']}.json" for recording in found}
    return found


def leave_behind(data_dir: Path, *lengths: int, **changes: Any) -> list[Path]:
    """Leave WAV files of so many bytes as a killed server does, with their sidecars."""

    async def run() -> list[Path]:
        plugin = make_plugin(data_dir)
        await plugin.open()
        paths = []
        for length in lengths:
            call = make_call(8000, "stereo", **changes)
            sink = plugin.sink(call)
            await sink.start(call)
            await sink.audio(AUDIO)
            await flush(plugin, sink)
            (track,) = sink._recording._tracks  # type: ignore[attr-defined]
            os.close(track._descriptor)
            paths.append(track.parts[0].path)
            os.truncate(paths[-1], length)
        await plugin.writer.stop()
        os.close(plugin.run._lock)  # as its death does
        return paths

    return asyncio.run(run())


# Killed at any step ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [{"layout": "channel", "max_file_bytes": 2**16}, {"format": "flac"}],
    ids=["wav", "flac"],
)
def test_killed_at_any_step_a_recorder_leaves_what_the_next_start_completes(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    first = 30 if config.get("format") else 1  # encoding takes time, and begins later
    steps = killed("sweep", tmp_path, json.dumps(config), first)

    amounts = []
    for step in range(first, steps + 1):
        data_dir = tmp_path / str(step)
        restart(data_dir, **config)
        found = all_recordings(data_dir)
        amounts.append(sum(recording.document["frames"] for recording in found))
        for recording in found:
            document = recording.document
            assert document["state"] == ("complete" if document["received"] else "interrupted")
            assert document["call"]["call_sid"] in ("first", "second")
            for file in document["files"]:  # the channels may be of different length
                part = slice(file["first_frame"], file["first_frame"] + file["frames"])
                rows = file["channels"]
                assert np.array_equal(recording.audio[rows, part], AUDIO[rows, part])
            if document["received"]:
                assert document["frames"] == 8000
                assert len(document["gaps"]) == 1

    assert steps > 30
    assert amounts[-1] == 16000


def test_killed_at_any_step_of_a_repair_it_goes_on_where_it_was(tmp_path: Path) -> None:
    source = tmp_path / "source"
    leave_behind(source, 44 + 4 * 5000 + 3, 20)
    sweep = tmp_path / "sweep"

    steps = killed("repair", sweep, "{}", source)

    assert steps > 15
    for step in range(1, steps + 1):
        restart(sweep / str(step))
        found = all_recordings(sweep / str(step))
        assert sorted(recording.document["frames"] for recording in found) == [0, 5000]
        assert {recording.document["state"] for recording in found} == {"interrupted"}
        assert {recording.document["reason"] for recording in found} == {"server killed"}


@pytest.mark.parametrize("lines", [1, 7, 40])
def test_kill_9_loses_nothing_that_was_written(tmp_path: Path, lines: int) -> None:
    process = subprocess.Popen(
        [sys.executable, KILLED, "stream", tmp_path],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
    )
    assert process.stdout is not None
    safe = [int(process.stdout.readline()) for _ in range(lines)][-1]
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()

    assert restart(tmp_path) == 1

    (recording,) = all_recordings(tmp_path)
    frames = recording.document["frames"]
    sent = np.tile(tone(make_call(16000, "stereo"), 60.0), 1 + frames // 960_000)
    assert frames >= safe
    assert np.array_equal(recording.audio, sent[:, :frames])
    assert recording.document["state"] == "interrupted"
    assert recording.document["reason"] == "server killed"


# What is left behind ----------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 20, 43, 44, 45, 47, 48, 49, 4044, 32043, 32044])
def test_a_file_cut_anywhere_is_repaired_to_its_last_whole_frame(
    tmp_path: Path, length: int
) -> None:
    leave_behind(tmp_path, length)

    restart(tmp_path)

    (recording,) = all_recordings(tmp_path)
    frames = max(0, length - 44) // 4
    assert recording.document["frames"] == frames
    assert len(recording.document["files"]) == bool(frames)
    assert np.array_equal(recording.audio, AUDIO[:, :frames]) or not frames


def test_a_second_start_has_nothing_left_to_do(tmp_path: Path) -> None:
    leave_behind(tmp_path, 4044)

    assert restart(tmp_path) == 1
    before = {path: (tmp_path / path).read_bytes() for path in every_file(tmp_path)}
    assert restart(tmp_path) == 0

    assert {path: (tmp_path / path).read_bytes() for path in every_file(tmp_path)} == before
    assert not list((tmp_path / "recordings/open").iterdir())


def test_a_recovered_recording_keeps_the_call_and_the_time_of_its_last_audio(
    tmp_path: Path,
) -> None:
    (path,) = leave_behind(tmp_path, 4044, call_sid="kept", attributes={"ticket": 42})
    os.utime(path, (1_700_000_000, 1_700_000_000))

    restart(tmp_path)

    (recording,) = all_recordings(tmp_path)
    assert recording.document["call"]["call_sid"] == "kept"
    assert recording.document["metadata"] == {"ticket": 42}
    assert recording.document["ended_at"] == "2023-11-14T22:13:20+00:00"


def test_a_recording_whose_first_block_was_lost_with_the_power_is_readable(
    tmp_path: Path,
) -> None:
    (path,) = leave_behind(tmp_path, 32044)
    with path.open("r+b") as file:
        file.write(bytes(44))

    restart(tmp_path)

    (recording,) = all_recordings(tmp_path)
    assert np.array_equal(recording.audio, AUDIO)


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b'{"version": 99}'])
def test_audio_whose_sidecar_was_lost_is_kept(tmp_path: Path, left: bytes) -> None:
    (path,) = leave_behind(tmp_path, 32044)
    path.with_suffix(".json").write_bytes(left)

    restart(tmp_path)

    (recording,) = all_recordings(tmp_path)
    assert np.array_equal(recording.audio, AUDIO)
    assert recording.document["state"] == "interrupted"
    assert "lost" in recording.document["notes"][0]


def test_a_recording_that_cannot_be_finished_does_not_stop_the_start(
    tmp_path: Path,
) -> None:
    bad, _ = leave_behind(tmp_path, 4044, 32044)
    bad.with_suffix(".json").unlink()
    bad.write_bytes(b"this is not a WAV file, and nobody knows what it was" * 10)

    with capture_logs() as logs:
        assert restart(tmp_path) == 1

    assert bad.exists()
    (warning,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert warning["stream"] == bad.stem
    assert warning["folder"] == str(bad.parent)


def test_what_another_living_process_records_is_left_alone(tmp_path: Path) -> None:
    call = make_call(8000, "stereo")

    async def run() -> None:
        async with recorder(tmp_path) as living:
            sink = living.sink(call)
            await sink.start(call)
            await sink.audio(AUDIO)
            async with recorder(tmp_path) as late:
                assert late.recovered == 0
                assert f"{call.stream_id}.json" in left_open(late.directory)
                await record(late, other, AUDIO)
            await record(living, make_call(8000, "stereo"), AUDIO)

    other = make_call(8000, "stereo")
    asyncio.run(run())

    assert len(all_recordings(tmp_path)) == 3


def test_two_processes_that_start_at_once_recover_a_recording_once(tmp_path: Path) -> None:
    (path,) = leave_behind(tmp_path, 32044)
    mine = Run.take_over(path.parent)
    assert mine is not None

    assert Run.take_over(path.parent) is None
    assert restart(tmp_path) == 0

    os.close(mine._lock)
    assert restart(tmp_path) == 1


def test_a_recovered_file_plays_in_an_ordinary_player(tmp_path: Path) -> None:
    leave_behind(tmp_path, 4045)

    restart(tmp_path)

    (path,) = tmp_path.glob("recordings/[0-9]*/*/*/*.wav")
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (8000, 2, 1000)
    assert path.stat().st_size == 4044


def test_a_recording_is_recovered_even_on_a_full_disk(small_disk: Path) -> None:
    leave_behind(small_disk, 32044, call_sid="kept")
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))

    assert restart(small_disk) == 1

    ballast.unlink()
    (recording,) = all_recordings(small_disk)
    assert np.array_equal(recording.audio, AUDIO)
    assert recording.document["call"]["call_sid"] == "kept"
    assert recording.document["state"] == "interrupted"
