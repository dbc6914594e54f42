import asyncio
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recordings import flush, left_open, make_plugin, record, recorded, recorder

from listen_sinks.api import Call, Sink, SinkError
from listen_sinks.faults import explain
from listen_sinks.recording import Recording
from listen_sinks.testing import make_call, make_outcome, packets, tone

LINUX = sys.platform == "linux"


async def record_until_it_fails(plugin: Recording, call: Call) -> str:
    """Send audio until the sink raises, then finish it as the server does."""
    sink = plugin.sink(call)
    await sink.start(call)
    sent = 0
    try:
        for block in packets(tone(call, 60.0), 8000):
            await sink.audio(block)
            sent += block.shape[1]
            await flush(plugin, sink)
    except SinkError as error:
        await sink.finish(make_outcome(call, sent, state="failed", reason="audio raised"))
        return str(error)
    raise AssertionError("a disk that is full took everything")


async def test_a_full_disk_ends_a_recording_that_keeps_what_it_has(small_disk: Path) -> None:
    call = make_call(8000, "stereo")

    async with recorder(small_disk) as plugin:
        sentence = await record_until_it_fails(plugin, call)
        recording = await recorded(plugin, call)

    assert sentence == f"the disk of {small_disk}/recordings is full: free some space"
    frames = recording.document["frames"]
    assert frames > 4 * 8000
    assert np.array_equal(recording.audio, tone(call, 60.0)[:, :frames])
    assert recording.document["state"] == "failed"
    assert "is full" in recording.document["reason"]
    assert left_open(plugin.directory) == []


async def test_a_full_disk_declines_new_recordings_until_there_is_space(small_disk: Path) -> None:
    async with recorder(small_disk) as plugin:
        await record_until_it_fails(plugin, first := make_call(8000, "stereo"))
        ballast = small_disk / "ballast"
        with pytest.raises(OSError, match="No space"):  # noqa: PT012 - the loop is the point
            while True:
                ballast.write_bytes(bytes(4096 * 64))

        with pytest.raises(SinkError, match="is full: free some space"):
            await record(plugin, call := make_call(), tone(call, 0.5))

        ballast.unlink()
        (await recorded(plugin, first)).folder.joinpath(f"{first.stream_id}.wav").unlink()
        await record(plugin, call := make_call(), tone(call, 0.5))
        assert (await recorded(plugin, call)).document["state"] == "complete"


async def test_flac_that_finds_no_space_leaves_the_wav(small_disk: Path) -> None:
    call = make_call(8000, "stereo")
    audio = np.random.default_rng(1).integers(-32768, 32768, (2, 40000), np.int16)

    async with recorder(small_disk, format="flac") as plugin:
        await record(plugin, call, audio)
        recording = await recorded(plugin, call)

    assert recording.names == [f"{call.stream_id}.wav"]
    assert np.array_equal(recording.audio, audio)
    assert recording.document["state"] == "complete"
    assert "No space left" in recording.document["notes"][0]
    assert left_open(plugin.directory) == []


def break_file(sink: Sink, path: str) -> None:
    """Put another file, which fails, in the place of the one that a sink writes to."""
    descriptor = os.open(path, os.O_RDWR)
    os.dup2(descriptor, sink._recording._tracks[0]._descriptor)  # type: ignore[attr-defined]
    os.close(descriptor)


@pytest.mark.skipif(not LINUX, reason="needs files that fail: /proc, /dev/full")
@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/proc/self/mem", "fails (input/output error): check it before more is lost"),
        ("/dev/full", "is full: free some space"),
    ],
)
async def test_a_file_that_fails_fails_its_own_recording_alone(
    tmp_path: Path, path: str, sentence: str
) -> None:
    calls = [make_call(), make_call()]
    audio = tone(calls[0], 2.0)
    first, second = audio[:, :8000], audio[:, 8000:]

    async with recorder(tmp_path) as plugin:
        bad, good = sinks = [plugin.sink(call) for call in calls]
        for sink, call in zip(sinks, calls, strict=True):
            await sink.start(call)
            await sink.audio(first)
            await flush(plugin, sink)
        break_file(bad, path)
        for sink in sinks:
            await sink.audio(second)
            await flush(plugin, sink)

        with pytest.raises(SinkError) as raised:
            await bad.audio(second)
        await bad.finish(make_outcome(calls[0], 16000, state="failed"))
        await good.finish(make_outcome(calls[1], 16000))
        assert np.array_equal((await recorded(plugin, calls[1])).audio, audio)

    assert str(raised.value).endswith(sentence)
    kept = await recorded(plugin, calls[0])
    assert kept.document["state"] == "failed"
    assert sentence in kept.document["reason"]
    assert np.array_equal(kept.audio, first)


@pytest.mark.skipif(not LINUX, reason="needs a file that fails: /dev/full")
async def test_a_disk_that_is_full_at_the_very_end_is_told_by_finish(tmp_path: Path) -> None:
    call = make_call()

    async with recorder(tmp_path) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.audio(tone(call))
        await flush(plugin, sink)
        break_file(sink, "/dev/full")
        await sink.audio(tone(call))
        with pytest.raises(SinkError, match="is full"):
            await sink.finish(make_outcome(call, 16000))

    recording = await recorded(plugin, call)
    assert recording.document["state"] == "failed"
    assert np.array_equal(recording.audio, tone(call))


def test_a_limit_on_file_sizes_is_a_failure_with_a_name(tmp_path: Path) -> None:
    program = f"""
import asyncio, resource
from pathlib import Path
from listen_sinks.testing import *
from recordings import flush, recorder, recorded, record
from test_faults import record_until_it_fails

async def main():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    async with recorder(Path({str(tmp_path)!r})) as plugin:
        print(await record_until_it_fails(plugin, call := make_call(8000, "stereo")))
        print((await recorded(plugin, call)).document["frames"])

asyncio.run(main())
"""
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": f"{here}:{here.parents[1]}"}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert ran.returncode == 0, ran.stderr
    sentence, frames = ran.stdout.splitlines()
    assert "raise the limit (ulimit -f)" in sentence
    assert int(frames) == (100_000 - 44) // 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_directory_of_somebody_else_is_told_at_the_start(tmp_path: Path) -> None:
    await asyncio.to_thread(tmp_path.chmod, 0o500)
    plugin = make_plugin(tmp_path)

    with pytest.raises(SinkError, match="change its owner or mode"):
        await plugin.open()


async def test_a_directory_that_is_a_file_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("in the way")
    plugin = make_plugin(tmp_path)

    with pytest.raises(SinkError, match="cannot write to"):
        await plugin.open()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE, 999])
def test_every_failure_is_one_sentence_without_a_full_stop(number: int) -> None:
    sentence = explain(OSError(number, os.strerror(number)), Path("/data/recordings"))

    assert "\n" not in sentence
    assert not sentence.endswith(".")
    assert json.dumps(sentence)
