from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from listen_sinks.recording import sidecar
from listen_sinks.recording.placing import day_folder, describe_file, place, sidecar_path
from listen_sinks.recording.track import Part
from listen_sinks.testing import make_call


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "open" / "run"
    folder.mkdir(parents=True)
    return folder


def finished(run: Path, audio: bytes = b"audio") -> dict[str, Any]:
    """Put a finished recording into the folder of a run."""
    call = make_call()
    path = run / f"{call.stream_id}.wav"
    path.write_bytes(audio)
    document = sidecar.begun(call, "stream")
    sidecar.keep(document, [describe_file(Part(path, (0,), 0, 1))], "wav")
    sidecar.write(sidecar_path(run, call.stream_id), document)
    return document


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_a_day_is_a_day_of_utc(tmp_path: Path) -> None:
    late = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))

    assert day_folder(tmp_path, late) == tmp_path / "2025/12/31"
    assert day_folder(tmp_path, datetime(2026, 12, 3, tzinfo=UTC)) == tmp_path / "2026/12/03"


def test_audio_and_sidecar_move_and_leftovers_go(tmp_path: Path, run: Path) -> None:
    document = finished(run)
    leftover = run / "leftover.wav"
    leftover.touch()

    place(document, run, tmp_path, [leftover])

    assert names(run) == set()
    stream = document["stream_id"]
    assert names(tmp_path) == {f"{stream}.wav", f"{stream}.json"}


def test_leftovers_stay_as_long_as_the_audio_is_not_in_its_place(tmp_path: Path, run: Path) -> None:
    document = finished(run)
    leftover = run / "leftover.wav"
    leftover.touch()
    (run / document["files"][0]["name"]).unlink()

    with pytest.raises(FileNotFoundError):
        place(document, run, tmp_path, [leftover])

    assert leftover.exists()


def test_a_recording_of_the_same_name_is_not_overwritten(tmp_path: Path, run: Path) -> None:
    document = finished(run, b"first")
    place(document, run, tmp_path, [])
    (run / document["files"][0]["name"]).write_bytes(b"second")

    with pytest.raises(FileExistsError, match="`directory` each"):
        place(document, run, tmp_path, [])

    (placed,) = tmp_path.glob("2*/*/*/*.wav")
    assert placed.read_bytes() == b"first"
