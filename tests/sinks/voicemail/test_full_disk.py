import asyncio
import errno
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from failing_disk import FailingDisk
from harness import until
from mailbox_contents import contents, shipped, take, voicemail
from ulid import ULID

from listen_sinks.api import Call, SinkError
from listen_sinks.testing import make_call, make_outcome, packets, tone
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.spool import Disk

RESERVE = 2**18


async def take_until_it_fails(plugin: Voicemail, call: Call) -> tuple[int, str]:
    """Send audio until the sink raises, then finish it as the server does."""
    sink = plugin.sink(call)
    await sink.start(call)
    sent = 0
    try:
        for block in packets(tone(call, 300.0), 8000):
            await sink.audio(block)
            sent += block.shape[1]
            await plugin.spool.writer.drain(sink._stream._tape)  # type: ignore[attr-defined]
    except SinkError as error:
        await sink.finish(make_outcome(call, sent, state="failed", reason="audio raised"))
        return sent, str(error)
    raise AssertionError("a disk that is full took everything")


async def test_a_full_spool_ends_calls_with_all_that_they_had(
    small_disk: Path, tmp_path: Path
) -> None:
    calls = [make_call(), make_call(8000, "stereo")]
    async with voicemail(tmp_path, spool=str(small_disk / "spool"), reserve=RESERVE) as plugin:
        results = await asyncio.gather(*(take_until_it_fails(plugin, call) for call in calls))
        await shipped(plugin)

        kept = await contents(tmp_path)
        for call, (sent, sentence) in zip(calls, results, strict=True):
            assert sentence == f"the disk of {small_disk}/spool is full: free some space"
            message = kept[call.stream_id]
            assert (message.outcome, message.reason) == ("failed", "the disk was full")
            assert message.ending == "sealed", "the reserve is for the last words"
            assert message.audio is not None
            frames = message.audio.shape[1]
            assert sent - 8000 <= frames <= sent
            assert np.array_equal(message.audio, tone(call, 300.0)[:, :frames])

        # What was shipped has left the spool: there is room again, without anybody's help.
        await until(lambda: plugin.unavailable() is None)
        await take(plugin, last := make_call(), tone(last))
        await shipped(plugin)
        assert (await contents(tmp_path))[last.stream_id].outcome == "complete"


async def test_a_full_spool_refuses_new_calls_and_says_so(small_disk: Path, tmp_path: Path) -> None:
    async with voicemail(tmp_path, spool=str(small_disk / "spool"), reserve=RESERVE) as plugin:
        await take_until_it_fails(plugin, make_call(8000, "stereo"))
        await shipped(plugin)
        ballast = small_disk / "ballast"

        def fill() -> None:
            with pytest.raises(OSError, match="No space"):  # noqa: PT012 - the loop is the point
                while True:
                    with ballast.open("ab") as file:
                        file.write(bytes(4096))

        await asyncio.to_thread(fill)
        call = make_call()
        with pytest.raises(SinkError, match="is full: free some space"):
            await take(plugin, call, tone(call, 0.5))
        await until(plugin.unavailable)
        assert plugin.unavailable() == "the spool is full"

        await asyncio.to_thread(ballast.unlink)
        await until(lambda: plugin.unavailable() is None)
        await take(plugin, call, tone(call, 0.5))


async def test_below_low_water_new_calls_are_refused_and_live_ones_go_on(
    small_disk: Path, tmp_path: Path
) -> None:
    call = make_call()
    spool = str(small_disk / "spool")
    async with voicemail(tmp_path, spool=spool, reserve=2**16, low_water=2**20) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        ballast = small_disk / "ballast"
        await asyncio.to_thread(ballast.write_bytes, bytes(2**20))
        await until(plugin.unavailable)
        assert plugin.unavailable() == "the spool is low on space"

        for block in packets(tone(call, 3.0), 800):
            await sink.audio(block)
        await sink.finish(make_outcome(call, 24000))
        await shipped(plugin)

    kept = (await contents(tmp_path))[call.stream_id]
    assert (kept.outcome, kept.seconds) == ("complete", 3.0)


async def test_a_disk_that_fails_ends_calls_and_says_what_to_do(tmp_path: Path) -> None:
    disk = FailingDisk({"write", "create"}, 6, errno.EIO, for_ever=True)
    call = make_call()
    async with voicemail(tmp_path, disk) as plugin:
        _, sentence = await take_until_it_fails(plugin, call)
        disk.healed = True
        await shipped(plugin)

    assert "fails (input/output error): check it before more is lost" in sentence
    kept = (await contents(tmp_path))[call.stream_id]
    assert (kept.outcome, kept.reason) == ("failed", "the disk failed")
    assert kept.audio is not None
    assert np.array_equal(kept.audio, tone(call, 300.0)[:, : kept.audio.shape[1]])


@pytest.mark.parametrize(
    ("number", "for_ever", "reason"),
    [(errno.ENOSPC, False, "the disk was full"), (errno.EIO, True, "the disk failed")],
)
async def test_what_is_written_when_the_call_is_over_may_be_what_the_disk_does_not_take(
    tmp_path: Path,
    number: int,
    for_ever: bool,  # noqa: FBT001 - a case, not an option
    reason: str,
) -> None:
    disk = FailingDisk({"write", "create"}, 6, number, for_ever=for_ever)
    call = make_call()
    audio = tone(call, 5.0)
    async with voicemail(tmp_path, disk, write_interval=10.0) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.audio(audio)  # none of it is written before the end
        assert not disk.hit
        with pytest.raises(SinkError):
            await sink.finish(make_outcome(call, audio.shape[1]))
        disk.healed = True
        await shipped(plugin)

    assert disk.hit
    kept = (await contents(tmp_path))[call.stream_id]
    assert (kept.outcome, kept.reason) == ("failed", reason)
    assert kept.audio is not None
    assert kept.seconds == kept.audio.shape[1] / 8000
    assert np.array_equal(kept.audio, audio[:, : kept.audio.shape[1]])


async def test_nobody_hears_that_a_message_is_kept_before_the_last_of_it_is(tmp_path: Path) -> None:
    hold = threading.Event()
    hold.set()

    class Slow(Disk):
        def sync(self, folder: int, files: Iterable[int]) -> None:
            hold.wait()
            super().sync(folder, files)

    ticket = str(ULID())
    call = make_call(granted={"ticket": ticket})
    async with voicemail(tmp_path, Slow()) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.audio(tone(call))
        hold.clear()
        finishing = asyncio.create_task(sink.finish(make_outcome(call, 8000)))
        await plugin.spool.writer.do(lambda: None)
        while_it_is_written = plugin.fates.kept(ticket)
        hold.set()
        await finishing

        assert while_it_is_written is None
        assert plugin.fates.kept(ticket) is True
