"""Recordings on their way to a bucket."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bucket import bucket
from harness import until
from recordings import every_file, left_open, record, recorder
from shipped_recordings import arrived, failures, nothing_here, shipped, waiting
from structlog.testing import capture_logs

from listen_sinks import shipping
from listen_sinks.api import SinkContext
from listen_sinks.description import Document
from listen_sinks.folders import Run
from listen_sinks.recording import Recording
from listen_sinks.testing import make_call, make_outcome, tone

SID = "7b0c7a52-0d1f-4b36-9f5e-0a4f6f2b1c11"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(shipping, "LONGEST_DELAY", 0.2)


# Into the bucket --------------------------------------------------------------------------------


async def test_a_recording_is_in_the_bucket_under_its_day_and_call_and_not_here(
    tmp_path: Path,
) -> None:
    call = make_call(8000, "stereo")
    audio = tone(call, 2.0)
    async with bucket() as there:
        async with recorder(tmp_path, **there.config) as plugin:
            await record(plugin, call, audio)
            await shipped(plugin)
            assert await asyncio.to_thread(nothing_here, plugin)

        names = await there.names()
        recording = await arrived(there, tmp_path / "found", call)
    stem = f"{call.started_at:%Y/%m/%d}/{SID}-{call.stream_id}"
    assert names == {f"{stem}.wav", f"{stem}.json"}
    assert np.array_equal(recording.audio, audio)
    assert recording.document["state"] == "complete"
    assert recording.document["call"]["call_sid"] == SID


@pytest.mark.parametrize(
    "config",
    [{"format": "flac"}, {"layout": "channel", "max_file_bytes": 2**16}],
    ids=["flac", "parts"],
)
async def test_a_sidecar_in_the_bucket_fits_the_files_beside_it(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    call = make_call(16000, "stereo")
    audio = tone(call, 3.3)
    async with bucket() as there:
        async with recorder(tmp_path, **config, **there.config) as plugin:
            await record(plugin, call, audio)
            await shipped(plugin)
            assert await asyncio.to_thread(nothing_here, plugin)
        recording = await arrived(there, tmp_path / "found", call)

    files = recording.document["files"]
    assert np.array_equal(recording.audio, audio)
    assert {path.name for path in recording.folder.iterdir()} == {
        f"{SID}-{call.stream_id}.json",
        *(file["name"] for file in files),
    }
    for file in files:
        data = await asyncio.to_thread((recording.folder / file["name"]).read_bytes)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])


async def test_a_prefix_and_a_call_without_a_sid(tmp_path: Path) -> None:
    call = make_call(call_sid=None)
    async with bucket() as there:
        config = there.config | {"store": f"{there.config['store']}/calls/eu"}
        async with recorder(tmp_path, **config) as plugin:
            await record(plugin, call, tone(call))
            await shipped(plugin)
        names = await there.names()

    stem = f"calls/eu/{call.started_at:%Y/%m/%d}/{call.stream_id}"
    assert names == {f"{stem}.wav", f"{stem}.json"}


@pytest.mark.parametrize(
    "trick", ["../../../etc/trick", "trick\x00", "..", "t" * 10_000, "%2e%2e%2ftrick", "тrick", "/"]
)
async def test_no_call_sid_leads_elsewhere_in_the_bucket(tmp_path: Path, trick: str) -> None:
    call = make_call(call_sid=trick, attributes={"callSid": trick})
    async with bucket() as there:
        async with recorder(tmp_path, **there.config) as plugin:
            await record(plugin, call, tone(call))
            await shipped(plugin)
        names = await there.names()
        recording = await arrived(there, tmp_path / "found", call)

    day = f"{call.started_at:%Y/%m/%d}/"
    assert len(names) == 2
    assert all(name.startswith(day) and name.count("/") == 3 for name in names)
    assert recording.document["call"]["call_sid"] == trick


async def test_recordings_that_failed_or_have_no_audio_are_shipped_too(tmp_path: Path) -> None:
    failed, silent = make_call(), make_call()
    async with bucket() as there:
        async with recorder(tmp_path, **there.config) as plugin:
            await record(plugin, failed, tone(failed), make_outcome(failed, 8000, state="failed"))
            await record(plugin, silent, tone(silent, 0.0))
            await shipped(plugin)
        states = {
            call.stream_id: (await arrived(there, tmp_path / "found", call)).document["state"]
            for call in (failed, silent)
        }
        assert len(await there.names()) == 3

    assert states == {failed.stream_id: "failed", silent.stream_id: "complete"}


async def test_a_large_file_goes_in_parts_and_arrives_whole(tmp_path: Path) -> None:
    call = make_call(64000, "stereo")
    audio = tone(call, 40.0)  # ten megabytes
    async with bucket() as there:
        async with recorder(tmp_path, **there.config) as plugin:
            await record(plugin, call, audio)
            await shipped(plugin)
        recording = await arrived(there, tmp_path / "found", call)

    assert np.array_equal(recording.audio, audio)


# Several ----------------------------------------------------------------------------------------


async def test_two_processes_on_one_directory_ship_their_own_and_what_a_killed_one_left(
    tmp_path: Path,
) -> None:
    calls = [make_call() for _ in range(6)]
    async with bucket() as there:
        there.link.state = "cut"
        async with (
            recorder(tmp_path, **there.config) as one,
            recorder(tmp_path, **there.config) as other,
        ):
            for number, call in enumerate(calls):
                await record((one, other)[number % 2], call, tone(call))
            async with recorder(tmp_path, **there.config) as late:
                assert (waiting(one), waiting(other), waiting(late)) == (3, 3, 0)
            there.link.state = "open"
            await shipped(one)
            await shipped(other)
            for plugin in (one, other):
                assert plugin.outbound is not None
                assert plugin.outbound.shipping.shipped == 3
        assert len(await there.names()) == 2 * len(calls)
        assert await asyncio.to_thread(every_file, one.directory) == []


async def test_two_sinks_in_one_bucket_overwrite_nothing(tmp_path: Path) -> None:
    call = make_call()
    first, second = tone(call, hertz=300), tone(call, hertz=500)
    async with bucket() as there:
        async with recorder(tmp_path, **there.config) as one:
            await record(one, call, first)
            await shipped(one)
        settings = Recording.Config.model_validate({"close_timeout": 0.0, **there.config})
        archive = Recording(settings, SinkContext("archive", tmp_path))
        await archive.open()
        with capture_logs() as logs:
            await record(archive, call, second)
            await until(lambda: failures(archive))
            await archive.close()
        recording = await arrived(there, tmp_path / "found", call)

    assert np.array_equal(recording.audio, first)
    assert f"{call.stream_id}.wav" in await asyncio.to_thread(left_open, archive.directory)
    assert "need a `store` each" in logs[0]["error"]


async def test_a_recording_whose_removal_was_cut_is_not_shipped_again(tmp_path: Path) -> None:
    call = make_call()
    async with bucket() as there:
        there.link.state = "cut"
        async with recorder(tmp_path, close_timeout=0.0, **there.config) as plugin:
            await record(plugin, call, tone(call))
        (left,) = (plugin.directory / "open").glob(f"*/{call.stream_id}.json")
        text = await asyncio.to_thread(left.read_bytes)
        there.link.state = "open"
        async with recorder(tmp_path, **there.config) as plugin:
            await shipped(plugin)
        before = await there.names()

        # what a process leaves that is killed after the audio is gone, and before the sidecar is
        run = await asyncio.to_thread(Run.begin, plugin.directory)
        await asyncio.to_thread((run.folder / left.name).write_bytes, text)
        await asyncio.to_thread(run.end)
        async with recorder(tmp_path, **there.config) as plugin:
            assert plugin.recovered == 1
            await shipped(plugin)
            assert failures(plugin) == 0

        assert await there.names() == before
        assert await asyncio.to_thread(every_file, plugin.directory) == []


# Telling ----------------------------------------------------------------------------------------


async def test_who_wants_to_know_is_told_when_a_recording_is_in_the_bucket(tmp_path: Path) -> None:
    call = make_call()
    told: list[Document] = []

    async def tell(document: Document) -> None:
        told.append(document)
        if len(told) == 1:
            raise OSError("say it again")

    async with bucket() as there, recorder(tmp_path, **there.config) as plugin:
        plugin.when_saved.append(tell)
        await record(plugin, call, tone(call))
        await shipped(plugin)
        names = await there.names()

    assert [document["stream_id"] for document in told] == [call.stream_id] * 2
    assert len(names) == 2


async def test_who_wants_to_know_is_told_when_a_recording_is_in_its_folder(tmp_path: Path) -> None:
    call = make_call()
    told: list[str] = []

    async def tell(document: Document) -> None:
        told.append(document["stream_id"])

    async with recorder(tmp_path) as plugin:
        plugin.when_saved.append(tell)
        await record(plugin, call, tone(call))

    assert told == [call.stream_id]
