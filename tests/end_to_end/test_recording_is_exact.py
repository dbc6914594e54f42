"""What `call` sends is what `serve` records: every rate, every mix, as WAV and as FLAC."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from process import ServerProcess, command, finished_calls, server_process

from listen_codecs.files import read_audio
from listen_codecs.formats import MIXES, SAMPLE_RATES, Mix
from listen_codecs.pcm import interleave
from listen_server.simulator.live import CallResult
from listen_server.simulator.order import Order

SPEECH = sorted(Path(__file__).parents[3].glob("shared/data/speech/*.wav"))
TWO_FORMATS = """
[sinks.flac]
kind = "recording"
format = "flac"
directory = "{directory}"
[routes."/listen"]
sinks = ["recording", "flac"]
[routes."/record/{{vendor}}"]
"""


@dataclass
class Recorder:
    """A server that records as WAV and as FLAC."""

    server: ServerProcess
    folders: dict[str, Path]
    calls: int = 0

    def place(self, **order: Any) -> tuple[CallResult, dict[str, dict[str, Any]]]:
        """Place one call; return what was sent, and what was recorded in each format."""
        (call,) = Order(url=self.server.url(), speed=0, **order).place()
        result = asyncio.run(call.run())
        self.calls += 1
        return result, {
            form: finished_calls(folder, self.calls)[-1] for form, folder in self.folders.items()
        }


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    data_dir = tmp_path_factory.mktemp("data")
    folders = {"wav": data_dir / "recordings", "flac": data_dir / "flac"}
    toml = TWO_FORMATS.format(directory=folders["flac"])
    with server_process(data_dir, "--open", toml=toml) as server:
        yield Recorder(server, folders)


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_the_recording_equals_what_was_sent(recorder: Recorder, rate: int, mix: Mix) -> None:
    result, kept = recorder.place(rate=rate, mix=mix)

    assert result.fault is None
    for form, told in kept.items():
        block, file_rate = read_audio(told["path"])
        assert (file_rate, block.shape[0]) == (rate, 2 if mix == "stereo" else 1)
        assert hashlib.sha256(interleave(block)).hexdigest() == result.sha256
        assert (told["state"], told["frames"]) == ("complete", result.samples)
        assert (told["mix"], told["format"]) == (mix, form)


@pytest.mark.skipif(not SPEECH, reason="there is no recorded speech beside this checkout")
@pytest.mark.parametrize("file", SPEECH, ids=lambda file: file.stem)
def test_human_speech_is_recorded_as_it_was_spoken(recorder: Recorder, file: Path) -> None:
    result, kept = recorder.place(rate=16000, mix="mono", file=file)

    spoken, _ = read_audio(file)
    heard, rate = read_audio(kept["wav"]["path"])
    assert result.fault is None
    assert rate == 16000
    assert (heard[:, : spoken.shape[1]] == spoken).all()


def test_the_two_commands_of_the_readme_give_a_recording(tmp_path: Path) -> None:
    with server_process(tmp_path, "--open") as server:
        placed = command(
            "call", "--url", server.url("/record/aws_s3"), "--speed", "0", "--kind", "record"
        )
        (told,) = finished_calls(tmp_path / "recordings")

    line = json.loads(placed.stdout)
    assert placed.returncode == 0, placed.stderr
    assert line["samples"] == told["frames"] > 8000
    assert told["path_params"] == {"vendor": "aws_s3"}
