import json
import os
import stat
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from listen_sinks.api import DtmfPressed, MarkReached
from listen_sinks.recording import sidecar
from listen_sinks.testing import make_call, make_outcome

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def finite(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_constant=lambda _: None)


@given(attributes=st.dictionaries(st.text(st.characters()), ANY_JSON, max_size=6))
def test_whatever_the_metadata_is_the_sidecar_is_json_that_says_it(
    attributes: dict[str, Any],
) -> None:
    document = sidecar.begun(make_call(attributes=attributes), "stream")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    read = json.loads(sidecar.encode(document).decode(), parse_constant=refuse)

    assert read["metadata"] == finite(attributes)


def test_metadata_too_deep_for_anybody_costs_itself_alone() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    read = json.loads(
        sidecar.encode(sidecar.begun(make_call(call_sid="x", attributes={"a": deep}), "stream"))
    )

    assert read["metadata"] is None
    assert read["call"]["call_sid"] == "x"
    assert "nested too deeply" in read["notes"][0]


def test_a_read_only_view_of_metadata_is_written_as_what_it_shows() -> None:
    call = make_call(attributes=MappingProxyType({"a": MappingProxyType({"b": 1})}))

    assert json.loads(sidecar.encode(sidecar.begun(call, "stream")))["metadata"] == {"a": {"b": 1}}


def test_a_sidecar_is_written_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    document = sidecar.begun(make_call(), "stream")

    sidecar.write(path, document)
    sidecar.write(path, document | {"state": "complete"})

    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    read = sidecar.read(path)
    assert read is not None
    assert read["state"] == "complete"


def test_the_last_word_fits_into_the_room_that_was_left_for_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    call = make_call()
    document = sidecar.begun(call, "stream")
    sidecar.write(path, document, room=sidecar.ROOM)
    inode, size = path.stat().st_ino, path.stat().st_size
    for number in range(1000):
        sidecar.add_event(document, MarkReached(f"mark {number}", cleared=False), 1.0)

    sidecar.end(document, make_outcome(call, 8000), "the disk is full")
    sidecar.overwrite(path, document)

    assert (path.stat().st_ino, path.stat().st_size) == (inode, size)
    read = sidecar.read(path)
    assert read is not None
    assert (read["state"], read["reason"]) == ("failed", "the disk is full")
    assert read["events"] == []


def test_where_there_is_no_room_the_old_sidecar_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    document = sidecar.begun(make_call(), "stream")
    sidecar.write(path, document)

    with pytest.raises(ValueError, match="no room"):
        sidecar.overwrite(path, document | {"reason": "x" * 5000})

    assert sidecar.read(path) is not None


def test_a_flood_of_events_is_cut_and_said_to_be() -> None:
    document = sidecar.begun(make_call(), "stream")

    for _ in range(sidecar.MAX_EVENTS + 5):
        sidecar.add_event(document, DtmfPressed("1", None), 0.0)

    assert len(document["events"]) == sidecar.MAX_EVENTS
    assert document["notes"] == ["there were more than 10000 events"]


def test_no_sidecar_is_not_a_sidecar(tmp_path: Path) -> None:
    assert sidecar.read(tmp_path / "none.json") is None
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text.json").write_text("[]")
    assert sidecar.read(tmp_path / "text.json") is None
