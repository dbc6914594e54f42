import asyncio
from collections import Counter
from pathlib import Path

from mailbox_contents import shipped, voicemail

from listen_sinks.testing import make_call, make_outcome, tone
from listen_sinks.voicemail.waiting import waiting_for


async def test_calls_that_are_on_wait_until_they_are_shipped(tmp_path: Path) -> None:
    call = make_call()
    async with voicemail(tmp_path) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.audio(tone(call))
        mailbox = plugin.mailboxes._find(call)
        assert mailbox is not None
        name = mailbox.destination.mailbox
        spool = plugin.spool.directory
        during = await asyncio.to_thread(waiting_for, spool, name)
        other = await asyncio.to_thread(waiting_for, spool, "another")
        await sink.finish(make_outcome(call, 8000))
        await shipped(plugin)
        after = await asyncio.to_thread(waiting_for, spool, name)

    assert (during, other, after) == (Counter({1: 1}), Counter(), Counter())


def test_a_note_that_is_damaged_or_gone_is_passed_over(tmp_path: Path) -> None:
    run = tmp_path / "open" / "01KB0000000000000000000RVN"
    run.mkdir(parents=True)
    (run / "01KB0000000000000000000MSG.0.note").write_bytes(b"{}")
    (run / "01KB0000000000000000000MSH.0.note").symlink_to("nowhere")

    assert waiting_for(tmp_path, "01KB0000000000000000000MBX") == Counter()
    assert waiting_for(tmp_path / "missing", "01KB0000000000000000000MBX") == Counter()
