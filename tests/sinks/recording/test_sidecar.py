import asyncio
import hashlib
import json
import os
import stat
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import record, recorded, recorder

from listen_sinks import description
from listen_sinks.api import (
    DtmfPressed,
    Gap,
    MarkReached,
    MetadataArrived,
    PlaybackDone,
    SummaryReceived,
)
from listen_sinks.recording import sidecar
from listen_sinks.testing import make_call, make_outcome, tone

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

    read = json.loads(description.encode(document).decode(), parse_constant=refuse)

    assert read["metadata"] == finite(attributes)


def test_metadata_too_deep_for_anybody_costs_itself_alone() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    read = json.loads(
        description.encode(sidecar.begun(make_call(call_sid="x", attributes={"a": deep}), "stream"))
    )

    assert read["metadata"] is None
    assert read["call"]["call_sid"] == "x"
    assert "nested too deeply" in read["notes"][0]


def test_a_read_only_view_of_metadata_is_written_as_what_it_shows() -> None:
    call = make_call(attributes=MappingProxyType({"a": MappingProxyType({"b": 1})}))

    assert json.loads(description.encode(sidecar.begun(call, "stream")))["metadata"] == {
        "a": {"b": 1}
    }


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
    sidecar.write_first(path, document)
    inode, size = path.stat().st_ino, path.stat().st_size
    for number in range(1000):
        description.add_event(document, MarkReached(f"mark {number}", cleared=False), 1.0)

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

    for _ in range(description.MAX_EVENTS + 5):
        description.add_event(document, DtmfPressed("1", None), 0.0)

    assert len(document["events"]) == description.MAX_EVENTS
    assert document["notes"] == ["there were more than 10000 events"]


def test_no_sidecar_is_not_a_sidecar(tmp_path: Path) -> None:
    assert sidecar.read(tmp_path / "none.json") is None
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text.json").write_text("[]")
    assert sidecar.read(tmp_path / "text.json") is None


# In a recording ---------------------------------------------------------------------------------


async def test_the_sidecar_says_what_the_call_was_and_how_it_ended(tmp_path: Path) -> None:
    call = make_call(8000, "stereo", attributes={"callSid": "x", "customerData": {"ticket": 42}})
    outcome = make_outcome(
        call,
        8000,
        state="interrupted",
        reason="peer lost",
        gaps=(Gap(0.5, 1.02, "not received"),),
        flags=("odd last byte",),
    )

    async with recorder(tmp_path) as plugin:
        await record(plugin, call, tone(call), outcome)
        document = (await recorded(plugin, call)).document

    assert document["version"] == 1
    assert document["state"] == "interrupted"
    assert document["reason"] == "peer lost"
    assert document["tenant"] == "example"
    assert document["route"] == "/listen"
    assert (document["sample_rate"], document["mix"]) == (8000, "stereo")
    assert (document["frames"], document["seconds"]) == (8000, 1.0)
    assert document["received"] == {"frames": 8000, "seconds": 1.0}
    assert document["call"]["call_sid"] == call.call_sid
    assert document["call"]["from"] == "+15551230001"
    assert document["metadata"] == {"callSid": "x", "customerData": {"ticket": 42}}
    assert document["metadata_quality"] == "exact"
    assert document["gaps"] == [{"at": 0.5, "seconds": 1.02, "reason": "not received"}]
    assert document["flags"] == ["odd last byte"]
    assert datetime.fromisoformat(document["started_at"]) == call.started_at
    assert datetime.fromisoformat(document["ended_at"]) == outcome.ended_at


async def test_the_digest_in_the_sidecar_is_that_of_the_file(tmp_path: Path) -> None:
    call = make_call()

    async with recorder(tmp_path, format="flac") as plugin:
        await record(plugin, call, tone(call))
        recording = await recorded(plugin, call)

    (file,) = recording.document["files"]
    data = (recording.folder / file["name"]).read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (file["sha256"], file["bytes"])


async def test_the_sidecar_is_there_while_the_call_is_on(tmp_path: Path) -> None:
    call = make_call()

    async with recorder(tmp_path) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        (path,) = plugin.directory.glob("open/*/*.json")
        document = json.loads(path.read_bytes())
        await sink.finish(make_outcome(call))

    assert document["state"] == "recording"
    assert document["call"]["call_sid"] == call.call_sid


async def test_marks_playback_and_summaries_are_in_the_sidecar(tmp_path: Path) -> None:
    call = make_call()

    async with recorder(tmp_path) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.event(PlaybackDone("p1", 2.14), 0.0)
        await sink.audio(tone(call))
        await sink.event(MarkReached("m1", cleared=True), 1.0)
        await sink.event(SummaryReceived({"reason": "hangup"}), 1.0)
        await sink.finish(make_outcome(call, 8000))
        document = (await recorded(plugin, call)).document

    assert document["events"] == [
        {"at": 0.0, "event": "playback", "id": "p1", "seconds": 2.14},
        {"at": 1.0, "event": "mark", "name": "m1", "cleared": True},
        {"at": 1.0, "event": "summary", "data": {"reason": "hangup"}},
    ]


KEY = {"at": 0.5, "event": "dtmf", "digit": "7", "duration": 0.2}


@pytest.mark.parametrize(("config", "kept"), [({}, []), ({"dtmf": True}, [KEY])])
async def test_the_keys_that_a_caller_presses_are_kept_only_if_asked_for(
    tmp_path: Path, config: dict[str, Any], kept: list[Any]
) -> None:
    call = make_call()

    async with recorder(tmp_path, **config) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.event(DtmfPressed("7", 0.2), 0.5)
        await sink.finish(make_outcome(call))
        events = (await recorded(plugin, call)).document["events"]

    assert events == kept


async def test_a_gap_that_is_told_twice_is_one_gap(tmp_path: Path) -> None:
    call = make_call()
    pause, slow = Gap(0.5, 1.0, "not received"), Gap(0.2, 0.1, "sink too slow")

    async with recorder(tmp_path) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        await sink.event(pause, 0.5)
        await sink.event(slow, 0.2)
        await sink.finish(make_outcome(call, gaps=(pause,)))
        gaps = (await recorded(plugin, call)).document["gaps"]

    assert [gap["at"] for gap in gaps] == [0.2, 0.5]


async def test_metadata_that_comes_late_is_in_the_sidecar(tmp_path: Path) -> None:
    call = make_call(call_sid=None, attributes={})

    async with recorder(tmp_path) as plugin:
        sink = plugin.sink(call)
        await sink.start(call)
        late = {"callSid": "late", "from": "+15550000000", "to": 7, "topic": "voicemail"}
        await sink.event(MetadataArrived(late, "lenient"), 0.0)
        (path,) = plugin.directory.glob("open/*/*.json")
        assert json.loads(path.read_bytes())["metadata"] == late
        await sink.finish(make_outcome(call))
        document = (await recorded(plugin, call)).document

    assert document["metadata"] == late
    assert document["metadata_quality"] == "lenient"
    assert document["call"]["call_sid"] == "late"
    assert document["call"]["to"] is None  # a number is no phone number


def test_every_key_of_a_sidecar_is_on_the_page_for_operators(tmp_path: Path) -> None:
    async def document() -> dict[str, Any]:
        call = make_call()
        async with recorder(tmp_path) as plugin:
            await record(plugin, call, tone(call))
            return (await recorded(plugin, call)).document

    found = asyncio.run(document())
    text = Path(sidecar.__file__).with_name("README.md").read_text()

    keys = {*found, *found["files"][0], *found["call"], *found["received"]}
    assert not [key for key in keys if f"`{key}`" not in text]


def test_a_gap_that_turned_out_to_be_late_audio_is_not_in_the_last_word() -> None:
    call = make_call()
    document = sidecar.begun(call, "stream")
    description.add_gap(document, Gap(1.0, 3.0, "not received"))
    description.add_gap(document, Gap(2.0, 0.5, "sink too slow"))
    shrunk = Gap(1.0, 0.4, "not received")

    sidecar.end(document, make_outcome(call, 8000, gaps=(shrunk,)), None)

    assert [gap["seconds"] for gap in document["gaps"]] == [0.4, 0.5]
