import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from message_index import NOON
from ulid import ULID

from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.ledger import BadLedger, Ledger, LedgerContents, LedgerLine


def make_line(messages: int = 2) -> LedgerLine:
    ids = tuple(str(ULID()) for _ in range(messages))
    return LedgerLine(
        erasure=str(ULID()),
        kind="caller",
        at=NOON,
        tenant="acme",
        mailbox=None,
        messages=ids,
        parts=((str(ULID()), 3),),
        objects=tuple(f"v1/x/{one}.0.lsv1" for one in ids),
    )


def test_lines_come_back_in_the_order_they_were_written(tmp_path: Path) -> None:
    lines = tuple(make_line(number) for number in range(5))

    for line in lines:
        Ledger(tmp_path / "new" / "erasures.jsonl").append(line)

    path = tmp_path / "new" / "erasures.jsonl"
    assert Ledger(path).read() == LedgerContents(lines, 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_ledger_that_nobody_has_written_is_empty(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "erasures.jsonl").read() == LedgerContents((), 0)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 10_000))
def test_a_line_that_a_crash_has_cut_costs_no_other(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "erasures.jsonl"
    path.unlink(missing_ok=True)
    first, torn, last = make_line(), make_line(), make_line()
    Ledger(path).append(first)
    whole = torn.encode()
    with path.open("ab") as file:
        file.write(whole[: cut % (len(whole) - 1)])

    Ledger(path).append(last)

    contents = Ledger(path).read()
    assert contents.lines == (first, last)
    assert contents.cut == (cut % (len(whole) - 1) > 0)


def test_processes_that_write_at_once_lose_no_line(tmp_path: Path) -> None:
    lines = [make_line(50) for _ in range(40)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda line: Ledger(tmp_path / "l.jsonl").append(line), lines))

    contents = Ledger(tmp_path / "l.jsonl").read()
    assert set(contents.lines) == set(lines)
    assert contents.cut == 0


@pytest.mark.parametrize("line", [b"{}", b'{"v":2}', b'{"v":1,"kind":"all"}', b"[]}", b"null}"])
def test_a_line_that_cannot_be_read_is_not_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "erasures.jsonl"
    Ledger(path).append(make_line())
    with path.open("ab") as file:
        file.write(line + b"\n")

    with pytest.raises(BadLedger, match="line 2"):
        Ledger(path).read()


def test_a_line_of_a_newer_version_is_not_half_understood(tmp_path: Path) -> None:
    path = tmp_path / "erasures.jsonl"
    path.write_bytes(make_line().encode().replace(b'"v":1', b'"v":2'))

    with pytest.raises(BadLedger, match="newer version"):
        Ledger(path).read()


def test_a_ledger_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(IndexAway, match="ledger"):
        Ledger(tmp_path / "file" / "erasures.jsonl").append(make_line())


def test_what_is_done_comes_back_beside_what_was_begun(tmp_path: Path) -> None:
    ledger, first, second = Ledger(tmp_path / "erasures.jsonl"), make_line(), make_line()

    ledger.append(first)
    ledger.confirm([])
    ledger.confirm([first.erasure])
    ledger.append(second)

    assert ledger.read() == LedgerContents((first, second), 0, frozenset([first.erasure]))
