"""The files of one stream while it is recorded: tracks, sidecar, and their end.

Every method but the first blocks, and is called in a thread: sink.py sees to that.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from listen_codecs.files import SUFFIXES
from listen_codecs.formats import AudioBlock
from listen_sinks.api import Call, SinkError
from listen_sinks.recording import sidecar
from listen_sinks.recording.config import RecordingConfig
from listen_sinks.recording.placing import Home, describe_file, sidecar_path
from listen_sinks.recording.track import Part, Track

_SAFE_ID: Final = re.compile(r"[0-9A-Za-z]{1,64}")


class OpenRecording:
    """One stream on its way to the disk."""

    def __init__(self, call: Call, run: Path, home: Home, config: RecordingConfig) -> None:
        if not _SAFE_ID.fullmatch(call.stream_id):
            raise SinkError("a stream id must be letters and digits: it becomes a file name")
        self.document = sidecar.begun(call, config.layout)
        self._run = run
        self._home = home
        self._sidecar = sidecar_path(run, call.stream_id)
        self._suffixes = {SUFFIXES["wav"], SUFFIXES[config.format]}
        channels = tuple(range(call.format.channels))
        stems = {call.stream_id: channels}
        if config.layout == "channel":
            stems = {f"{call.stream_id}-ch{channel}": (channel,) for channel in channels}
        self._tracks = [
            Track(run / stem, rows, call.format.sample_rate, config.max_file_bytes)
            for stem, rows in stems.items()
        ]

    def begin(self) -> None:
        """Write the sidecar of a recording that goes on, and see to the place of its end."""
        self._home.prepare(self.document)
        sidecar.write_first(self._sidecar, self.document)

    def write(self, blocks: Sequence[AudioBlock]) -> None:
        """Append blocks of shape (channels, frames), int16, to every track."""
        samples = np.concatenate(blocks, axis=1)
        for track in self._tracks:
            track.write(samples)

    def close(self) -> Exception | None:
        """End the audio, and list it in the sidecar. Return what went wrong, if anything did."""
        problem: Exception | None = None
        for track in self._tracks:
            try:
                track.close()
            except OSError as error:
                problem = error
        sidecar.keep(self.document, [describe_file(part) for part in self.parts], "wav")
        return problem

    @property
    def parts(self) -> list[Part]:
        """The WAV files."""
        return [part for track in self._tracks for part in track.parts]

    def save(self) -> None:
        """Write the sidecar as it is now."""
        sidecar.rewrite(self._sidecar, self.document)

    def replace(self, encoded: Sequence[Path], encoding: str) -> None:
        """Let the recording be its encoded files, in the order of `parts`, or leave it as it is."""
        files = [describe_file(*pair) for pair in zip(self.parts, encoded, strict=True)]
        document = self.document.copy()
        sidecar.keep(document, files, encoding)
        sidecar.write(self._sidecar, document)
        self.document = document

    def bring(self) -> None:
        """Bring the recording to its place; what it was encoded from goes then."""
        kept = {file["name"] for file in self.document["files"]}
        made = [part.path.with_suffix(end) for part in self.parts for end in self._suffixes]
        leftovers = [path for path in made if path.name not in kept]
        self._home.bring(self.document, self._run, leftovers)
