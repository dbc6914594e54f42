import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from listen_sinks.api import SinkError
from listen_sinks.voicemail.index.own_secrets import audit_key, derived, number_secret


def test_a_secret_is_made_once_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "numbers.key"

    made = number_secret(path)

    assert len(made) == 32
    assert number_secret(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["numbers.key"]


def test_processes_that_start_at_once_share_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(number_secret, [tmp_path / "numbers.key"] * 40))

    assert len(made) == 1


def test_the_audit_key_signs_the_same_after_a_restart(tmp_path: Path) -> None:
    first, second = (audit_key(tmp_path / "audit.key") for _ in range(2))

    first.public_key().verify(second.sign(b"head"), b"head")


@pytest.mark.parametrize("damaged", ["", "00ff", "not hex at all", "00" * 33, "\u00e9" * 64])
def test_a_damaged_secret_is_not_replaced(tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "numbers.key"
    path.write_text(damaged)

    with pytest.raises(SinkError, match=r"numbers\.key is damaged; put it back from your backup"):
        number_secret(path)
    assert path.read_text() == damaged


def test_secrets_for_other_purposes_are_as_the_format_says() -> None:
    secret = bytes(range(32))

    passes = derived(secret, "passes")

    assert passes.hex() == "a6848b6d7adfb4c109560bb105740f8d4503c2ca8315a7e6f7c8707359ae4152"
    assert derived(secret, "tokens") != passes
    assert derived(bytes(32), "passes") != passes
