"""`python -m` program: s16le comes in, FLAC or Ogg Opus goes out, all of it in memory.

exports.py starts it. It ends when its pipes do, so it does not outlive the server.
"""

import io
import os
import signal
import sys
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from listen_codecs.files import Encoding, write_audio
from listen_codecs.formats import AudioBlock
from listen_codecs.pcm import deinterleave

NICENESS: Final = 10  # live calls come first


def main(encoding: str, sample_rate: str, channels: str) -> None:
    """Encode standard input to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's
    os.nice(NICENESS)
    rate = int(sample_rate)
    made = io.BytesIO()  # headers are finished at the end
    blocks = _blocks(sys.stdin.buffer, rate, int(channels))
    write_audio(made, blocks, rate, int(channels), cast("Encoding", encoding))
    sys.stdout.buffer.write(made.getbuffer())


def _blocks(source: BinaryIO, frames: int, channels: int) -> Iterator[AudioBlock]:
    while data := source.read(frames * 2 * channels):
        yield deinterleave(data, channels)


if __name__ == "__main__":
    main(*sys.argv[1:])
