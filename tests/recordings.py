"""Making recordings and reading them back, for the tests of the recording sink."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from listen_codecs.files import read_audio
from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, Outcome, Sink, SinkContext
from listen_sinks.recording import Recording
from listen_sinks.recording.sink import RecordingSink
from listen_sinks.testing import make_outcome, packets


@dataclass(frozen=True)
class Recorded:
    """A finished recording as it lies on the disk."""

    document: dict[str, Any]
    folder: Path
    audio: AudioBlock  # (channels, frames), whatever files it is in

    @property
    def names(self) -> list[str]:
        """Return the names of the audio files."""
        return [file["name"] for file in self.document["files"]]


def make_plugin(data_dir: Path, **config: Any) -> Recording:
    """Make the plugin as the server would for `[sinks.recording]`."""
    return Recording(Recording.Config.model_validate(config), SinkContext("recording", data_dir))


@asynccontextmanager
async def recorder(data_dir: Path, **config: Any) -> AsyncIterator[Recording]:
    """Open a plugin for as long as the block lasts."""
    plugin = make_plugin(data_dir, **config)
    await plugin.open()
    try:
        yield plugin
    finally:
        await plugin.close()


async def record(
    plugin: Recording, call: Call, audio: AudioBlock, outcome: Outcome | None = None
) -> None:
    """Give a whole stream to the plugin."""
    sink = plugin.sink(call)
    await sink.start(call)
    for block in packets(audio, call.format.sample_rate // 10):
        await sink.audio(block)
    await sink.finish(outcome or make_outcome(call, audio.shape[1]))


async def flush(plugin: Recording, sink: Sink) -> None:
    """Have what the sink was given written now, as the next round would."""
    assert isinstance(sink, RecordingSink)
    await plugin.writer.drain(sink._tape)


def read_recording(directory: Path, stream_id: str) -> Recorded:
    """Read a finished recording back."""
    (path,) = directory.glob(f"[0-9]*/*/*/{stream_id}.json")
    document = json.loads(path.read_bytes())
    known = [c for file in document["files"] for c in file["channels"]]
    channels = 2 if document.get("mix") == "stereo" else 1 + max(known, default=0)
    audio = np.zeros((channels, document["frames"]), np.int16)
    for file in document["files"]:
        samples, rate = read_audio(path.with_name(file["name"]))
        assert rate == document["sample_rate"]
        assert samples.shape == (len(file["channels"]), file["frames"])
        start = file["first_frame"]
        audio[file["channels"], start : start + file["frames"]] = samples
    return Recorded(document, path.parent, audio)


async def recorded(plugin: Recording, call: Call) -> Recorded:
    """Read a finished recording back, off the event loop."""
    return await asyncio.to_thread(read_recording, plugin.directory, call.stream_id)


def left_open(directory: Path) -> list[str]:
    """Name everything that lies in the folders of recordings that go on."""
    return sorted(path.name for path in (directory / "open").rglob("*") if path.is_file())


def mode_of_every(directory: Path) -> dict[str, set[int]]:
    """Return which modes the files and the folders below a directory have."""
    paths = list(directory.rglob("*"))
    return {
        "files": {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()},
        "folders": {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()},
    }


def every_file(directory: Path) -> list[str]:
    """Name every file below a directory, relative to it."""
    return sorted(
        os.path.relpath(path, directory) for path in directory.rglob("*") if path.is_file()
    )
