import stat
from pathlib import Path

from outboxes import make_event

from listen_sinks.webhook.waiting_room import WaitingRoom, forget


def test_events_are_found_by_the_next_process_in_the_order_they_were_told(tmp_path: Path) -> None:
    events = [make_event(part=number) for number in range(20)]
    room = WaitingRoom(tmp_path / "events")
    for event in events:
        room.tell(event)

    found = WaitingRoom(tmp_path / "events").waiting()

    assert [event for _, event in found] == events
    forget([path for path, _ in found])
    assert room.waiting() == []


def test_what_was_cut_by_a_kill_is_passed_over_and_what_is_damaged_put_aside(
    tmp_path: Path,
) -> None:
    room = WaitingRoom(tmp_path)
    room.tell(event := make_event())
    (tmp_path / "01KB.tmp").write_text('{"v": 1, "id"')
    for number, text in enumerate(("", "[]", "{}", '{"type": "message.received"}', "\x00")):
        (tmp_path / f"00{number}.json").write_text(text)

    assert [one for _, one in room.waiting()] == [event]
    assert len(list(tmp_path.glob("*.unreadable"))) == 5


def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    room = WaitingRoom(tmp_path / "events")
    room.tell(make_event())

    (path,) = (tmp_path / "events").glob("*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_empty_one_makes_no_folder(tmp_path: Path) -> None:
    assert WaitingRoom(tmp_path / "events").waiting() == []
    assert not (tmp_path / "events").exists()
