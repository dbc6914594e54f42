"""Servers that are killed, two at a time, on one data directory."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from killed_voicemail import Diary, Page, audio_of
from mailbox_contents import Kept, contents, shipped, voicemail

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "4"))  # `make test-faults` has more
TESTS = Path(__file__).parents[2]
MOST_LOST = 1.0  # seconds


def start(data_dir: Path, diary: Path) -> subprocess.Popen[str]:
    program = [sys.executable, str(TESTS / "killed_voicemail.py"), str(data_dir), str(diary)]
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    nowhere = subprocess.DEVNULL  # its log
    return subprocess.Popen(
        program, stdout=nowhere, stderr=subprocess.PIPE, text=True, env=environment
    )


def kill_at_any_moment(data_dir: Path, diaries: Path, number: int) -> dict[Path, float]:
    """Let two servers take calls, and kill each; return when, by its diary."""
    servers = {diaries / f"{number}-{one}": 0.0 for one in "ab"}
    running = {diary: start(data_dir, diary) for diary in servers}
    chance = random.Random(number)  # noqa: S311 - so that a failure comes again
    for diary, server in running.items():
        assert server.stderr is not None
        assert server.stderr.readline() == "opening\n"
        if chance.random() < 0.8:  # the others are killed while they recover
            assert server.stderr.readline() == "open\n"
        time.sleep(chance.uniform(0.0, 0.3) if number % 4 == 3 else chance.uniform(0.3, 1.5))
        server.send_signal(signal.SIGKILL)
        servers[diary] = time.monotonic()
        server.wait()
        server.stderr.close()
    return servers


def check(page: Page, kept: Kept | None, killed_at: float) -> None:
    """Compare what a server said that it had received with what is kept of it."""
    if kept is None:
        assert page.state == "starting", f"a call that was {page.state} is gone"
        return
    assert kept.audio is not None
    frames = kept.audio.shape[1]
    assert (kept.audio == audio_of(page.message)[:, :frames]).all()
    assert kept.damaged == ()
    if page.state == "finished":
        assert (kept.outcome, kept.ending) == ("complete", "sealed")
        assert frames == page.received_before(killed_at)
        return
    assert kept.outcome in ("interrupted", "complete" if page.state == "finishing" else "")
    lost = page.received_before(killed_at - MOST_LOST) - frames
    assert lost <= 0, f"{lost / 8000 / 20:.2f} s more than {MOST_LOST} s are lost"


@pytest.mark.timeout(120 + 30 * ROUNDS)
def test_killed_at_any_moment_every_call_is_kept_once_and_exact(tmp_path: Path) -> None:
    data_dir, diaries = tmp_path / "data", tmp_path / "diaries"
    diaries.mkdir()
    killed: dict[Path, float] = {}
    for number in range(ROUNDS):
        killed |= kill_at_any_moment(data_dir, diaries, number)

    async def kept_in_the_end() -> dict[str, Kept]:
        async with voicemail(data_dir) as plugin:
            await shipped(plugin)  # closing waits for it, but not for as long as a busy disk takes
        return await contents(data_dir)

    kept = asyncio.run(kept_in_the_end())

    pages = {
        page.message: (page, at) for diary, at in killed.items() for page in Diary(diary).pages()
    }
    assert len(kept) > ROUNDS
    for message, (page, at) in pages.items():
        check(page, kept.get(message), at)
    assert set(kept) <= set(pages)
    assert sorted(path.name for path in (data_dir / "spool").rglob("*")) == ["open"]
    stored = [path.name for path in (data_dir / "store").rglob("*.lsv1")]
    assert sorted(stored) == sorted(f"{message}.0.lsv1" for message in kept)
