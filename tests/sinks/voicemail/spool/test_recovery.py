import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from spooled import (
    NO_LIMITS,
    STEREO,
    begin,
    ended,
    feed,
    files_below,
    noise,
    reopened,
    spooling,
    stored,
)

from listen_sinks.folders import LOCK, Run
from listen_sinks.voicemail.spool import Spool, Stored
from listen_sinks.voicemail.spool.names import files_in


async def left_by_a_killed_process(directory: Path, seconds: float = 5.0) -> None:
    """Leave a spool as a process does that is killed in the middle of a call."""
    spool = Spool(directory, NO_LIMITS)
    await spool.open()
    stream = await spool.begin(begin)
    await feed(stream, [noise(seconds)])
    await spool.writer.drain(stream._tape)
    spool.commits._rounds.cancel()
    spool.writer._rounds.cancel()
    await asyncio.gather(spool.commits._rounds, spool.writer._rounds, return_exceptions=True)
    await asyncio.to_thread(stream._message.close)
    await asyncio.to_thread(os.close, spool._run._lock)  # as the kernel does


def orphan(directory: Path) -> Path:
    """Return the folder of the killed process."""
    (folder,) = (directory / "open").iterdir()
    return folder


async def recovered(directory: Path) -> list[Stored]:
    async with spooling(directory) as (_, found):
        return found


async def test_a_call_that_was_on_is_interrupted_and_has_every_sample_that_was_written(
    tmp_path: Path,
) -> None:
    await left_by_a_killed_process(tmp_path)

    (found,) = await recovered(tmp_path)

    message = await reopened(found)
    assert (found.end.state, found.end.reason) == ("interrupted", "server killed")
    assert found.end.frames == 40000
    assert message.ending == "cut"
    assert (message.audio == noise(5.0)).all()
    assert message.values == {"meta": b"first"}


async def test_recovering_again_gives_the_same_message(tmp_path: Path) -> None:
    await left_by_a_killed_process(tmp_path)

    first = await recovered(tmp_path)
    second = await recovered(tmp_path)

    assert [(m.note, m.end) for m in first] == [(m.note, m.end) for m in second]


async def test_a_call_that_had_ended_stays_as_it_ended(tmp_path: Path) -> None:
    spool = Spool(tmp_path, NO_LIMITS)
    await spool.open()
    kept = await stored(spool, noise(2.0))
    assert await spool.stop() == []
    await spool.close()

    (found,) = await recovered(tmp_path)

    assert found.end == kept.end
    assert (await reopened(found)).ending == "sealed"
    assert (await reopened(found)).values["meta"] == b"last"


async def test_metadata_that_came_late_is_what_counts(tmp_path: Path) -> None:
    spool = Spool(tmp_path, NO_LIMITS)
    await spool.open()
    stream = await spool.begin(begin)
    await stream.keep("meta", lambda: b"late")
    (found,) = await spool.stop()
    await spool.close()

    assert (await reopened(found)).values["meta"] == b"late"
    (again,) = await recovered(tmp_path)
    assert (await reopened(again)).values["meta"] == b"late"


async def test_what_another_process_writes_is_left_alone(tmp_path: Path) -> None:
    async with spooling(tmp_path) as (spool, _):
        stream = await spool.begin(begin)
        await feed(stream, [noise(1.0)])

        assert await recovered(tmp_path) == []

        await feed(stream, [noise(1.0, seed=2)])
        kept, _ = await stream.end(ended(), bytes)
        assert (await reopened(kept)).audio.shape == (1, 16000)


async def test_a_message_shorter_than_its_mailbox_wants_is_discarded(tmp_path: Path) -> None:
    spool = Spool(tmp_path, NO_LIMITS)
    await spool.open()
    stream = await spool.begin(lambda: begin(least_seconds=2.0))
    await feed(stream, [noise(1.9)])
    (found,) = await spool.stop()
    await spool.close()

    assert (found.end.state, found.end.reason) == ("discarded", "shorter than 2 s")


async def test_a_dropped_message_leaves_nothing(tmp_path: Path) -> None:
    async with spooling(tmp_path) as (spool, _):
        kept = await stored(spool, noise(1.0, STEREO), STEREO)
        await asyncio.to_thread(kept.drop)
        assert await asyncio.to_thread(files_below, tmp_path) == {"reserve"}

    assert not list((tmp_path / "open").iterdir())


def cut_the_tail(run: Path) -> None:
    for path in run.glob("*.tail"):
        path.unlink()


def cut_the_audio(run: Path) -> None:
    (path,) = run.glob("*.audio")
    os.truncate(path, path.stat().st_size - 1000)


def empty_the_end(run: Path) -> None:
    (note,) = run.glob("*.note")
    note.with_suffix(".end").touch()
    note.with_suffix(".late").touch()


def leave_unfinished(run: Path) -> None:
    (note,) = run.glob("*.note")
    note.with_name(note.stem + ".end.new").write_bytes(b'{"v":')


@pytest.mark.parametrize(
    ("change", "least"),
    [(cut_the_tail, 32768), (cut_the_audio, 24576), (empty_the_end, 40000), (leave_unfinished, 0)],
)
async def test_power_loss_costs_what_was_not_synced_and_nothing_before(
    tmp_path: Path, change: Callable[[Path], None], least: int
) -> None:
    await left_by_a_killed_process(tmp_path)
    await asyncio.to_thread(lambda: change(orphan(tmp_path)))

    (found,) = await recovered(tmp_path)

    audio = (await reopened(found)).audio
    assert found.end.state == "interrupted"
    assert audio.shape[1] >= least
    assert (audio == noise(5.0)[:, : audio.shape[1]]).all()


@pytest.mark.parametrize("note", [b"", bytes(4096)])
async def test_a_call_whose_note_never_reached_the_disk_was_never_taken(
    tmp_path: Path, note: bytes
) -> None:
    await left_by_a_killed_process(tmp_path, seconds=0.1)

    def lose_it() -> None:
        (path,) = orphan(tmp_path).glob("*.note")
        path.write_bytes(note)

    await asyncio.to_thread(lose_it)

    assert await recovered(tmp_path) == []
    assert not list((tmp_path / "open").iterdir())


async def test_a_note_that_cannot_be_read_is_kept_and_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    await left_by_a_killed_process(tmp_path)

    def damage() -> Path:
        (path,) = orphan(tmp_path).glob("*.note")
        path.write_bytes(path.read_bytes()[:-40])
        return path

    note = await asyncio.to_thread(damage)
    before = await asyncio.to_thread(files_below, orphan(tmp_path))

    assert await recovered(tmp_path) == []

    assert await asyncio.to_thread(files_below, note.parent) == before - {"reserve"}
    assert "stays in the spool" in capfd.readouterr().out


async def test_half_a_dropped_message_is_dropped_for_good(tmp_path: Path) -> None:
    await left_by_a_killed_process(tmp_path)

    def begin_to_drop() -> None:
        (note,) = orphan(tmp_path).glob("*.note")
        note.rename(note.with_suffix(".gone"))

    await asyncio.to_thread(begin_to_drop)

    assert await recovered(tmp_path) == []
    assert not list((tmp_path / "open").iterdir())


async def test_a_message_in_several_files_is_recovered_as_one(tmp_path: Path) -> None:
    spool = Spool(tmp_path, NO_LIMITS)
    await spool.open()
    stream = await spool.begin(begin)
    for seed in range(4):
        await feed(stream, [noise(3.0, seed=seed)])
        await spool.writer.drain(stream._tape)
        await spool.writer.do(stream._message.start_over)
    (found,) = await spool.stop()

    assert len(found.files.segments) > 2
    audio = (await reopened(found)).audio
    assert audio.shape == (1, 4 * 24000)
    await spool.close()
    (again,) = await recovered(tmp_path)
    assert ((await reopened(again)).audio == audio).all()


def test_files_of_others_do_not_hinder(tmp_path: Path) -> None:
    run = Run.begin(tmp_path)
    (run.folder / "README").write_text("left by an operator")
    os.close(run._lock)

    assert files_in(run.folder) == {}
    assert asyncio.run(recovered(tmp_path)) == []
    assert {path.name for path in run.folder.iterdir()} == {LOCK, "README"}
