"""Small files that are either whole or not there, whatever happens to the writer."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from listen_server.files import private_directory, write_atomically

WRITER = """
import sys
from pathlib import Path
from listen_server.files import write_atomically
file = Path(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    number += 1
    write_atomically(file, bytes([65 + number % 26]) * 300_000)
"""


def test_a_file_is_written_for_this_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "down" / "file"

    write_atomically(file, b"content")

    assert file.read_bytes() == b"content"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_others_could_read_is_replaced_by_one_that_they_cannot(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a longer content than the new one")
    file.chmod(0o644)

    write_atomically(file, b"new")

    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_a_killed_process_left_is_not_in_the_way(tmp_path: Path) -> None:
    file = tmp_path / "file"
    left = tmp_path / f".file.{os.getpid()}.part"
    left.write_bytes(b"half")
    left.chmod(0o644)

    write_atomically(file, b"whole")

    assert file.read_bytes() == b"whole"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    write_atomically(file, b"old")

    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, b"new")

    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_writer_that_is_killed_leaves_the_old_content_or_the_new(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for number in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(0.01 * number)  # not to wait for something: to strike anywhere
            process.send_signal(signal.SIGKILL)
        if file.exists():
            content = file.read_bytes()
            assert len(content) == 300_000
            assert content == content[:1] * 300_000
    assert file.exists()


def test_a_private_directory_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o750)

    assert private_directory(tmp_path / "there") == tmp_path / "there"

    assert stat.S_IMODE((tmp_path / "there").stat().st_mode) == 0o750
