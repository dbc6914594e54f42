"""What of the calls was kept, compared sample by sample with what load.c sent."""

import asyncio
import json
from pathlib import Path
from typing import Final

import numpy as np
from benchmarks.load import BenchError
from benchmarks.meter import sample
from mailbox_contents import contents

from listen_codecs.files import read_audio
from listen_codecs.formats import AudioBlock

_KEPT: Final = ("recordings", "store")


def right_samples(data: Path) -> int | None:
    """Count samples per channel on the disk that are as they were sent; None if none are kept."""
    recordings, store = (data / name for name in _KEPT)
    if recordings.is_dir():
        return _recorded(recordings)
    if store.is_dir():
        return _stored(data)
    return None


def _recorded(recordings: Path) -> int:
    found = 0
    for sidecar in recordings.glob("[0-9]*/**/*.json"):
        told = json.loads(sidecar.read_text())
        for file in told["files"]:
            block, _ = read_audio(sidecar.parent / file["name"])
            found += _right(block, told["metadata"].get("benchCall"))
    return found


def _stored(data: Path) -> int:
    """Open every message with the root key that the server has made."""
    found = 0
    for kept in asyncio.run(contents(data)).values():
        if kept.outcome != "complete" or kept.audio is None:
            raise BenchError(f"a message is {kept.outcome}: {kept.reason}")
        found += _right(kept.audio, kept.meta["metadata"].get("benchCall"))
    return found


def _right(block: AudioBlock, call: int | None) -> int:
    """Count the frames of a call, shape (channels, frames), that are what load.c sent there."""
    if call is None:  # of the simulator
        return int(block.shape[1])
    starts = np.array([[sample(call, channel, 0)] for channel in range(len(block))])
    sent = (starts + np.arange(block.shape[1])).astype(np.uint16).view(np.int16)
    return int(np.count_nonzero((block == sent).all(axis=0)))
