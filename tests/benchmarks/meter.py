"""How late audio is, measured inside a server. probed.py and stock.py feed it, runs.py reads it.

It follows the calls that the load says are to be followed.
"""

import asyncio
from array import array
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8000  # Hz, of everything that load.c sends
FRAME: Final = 160  # samples per channel
FILE: Final = "meter.npz"
_LAG_EVERY: Final = 0.01  # seconds


def sample(call: int, channel: int, number: int) -> int:
    """Return a sample of a call, by its number, as load.c makes it."""
    return (number + 16384 * channel + 257 * call + 2**15) % 2**16 - 2**15


class Meter:
    """Delays, loop lags and wrong blocks of one server."""

    def __init__(self) -> None:
        self.delays = array("d")  # pairs: monotonic time, seconds
        self.lags = array("d")  # the same
        self.wrong = 0  # blocks that do not begin and end as they were sent

    def follow(self, metadata: Mapping[str, Any]) -> "Follower | None":
        """Return a follower of this call if the load wants it to be followed."""
        if not metadata.get("benchFollow"):
            return None
        return Follower(self, metadata["benchCall"], metadata["benchStart"] / 1e9)

    async def watch_loop(self) -> None:
        """Note how late the event loop is, a hundred times a second, until cancelled."""
        while True:
            due = monotonic() + _LAG_EVERY
            await asyncio.sleep(_LAG_EVERY)
            now = monotonic()
            self.lags.extend((now, now - due))

    def save(self, directory: Path, received: int = 0) -> None:
        """Leave everything for the benchmark; `received` is in bytes of audio."""
        np.savez(
            directory / FILE,
            delays=np.array(self.delays).reshape(-1, 2),
            lags=np.array(self.lags).reshape(-1, 2),
            wrong=self.wrong,
            received=received,
        )


class Follower:
    """Compares what comes of one call with what was sent, and when."""

    def __init__(self, meter: Meter, call: int, start: float) -> None:
        self._meter = meter
        self._call = call
        self._start = start  # when the first frame was due, monotonic
        self._position = 0  # samples

    def take(self, block: NDArray[np.int16]) -> None:
        """Take samples, shape (channels, frames): the delay is that of the oldest of them."""
        now = monotonic()
        due = self._start + self._position // FRAME * FRAME / RATE
        self._meter.delays.extend((now, now - due))
        for channel, samples in enumerate(block):
            first = sample(self._call, channel, self._position)
            last = sample(self._call, channel, self._position + len(samples) - 1)
            self._meter.wrong += (samples[0], samples[-1]) != (first, last)
        self._position += block.shape[1]
