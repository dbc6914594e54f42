"""`python -m` program: stretches of speech come in, words go out, until standard input ends.

    u32 little-endian: bytes that follow | s16le, 16 kHz, one channel   ->   one line of JSON

pool.py starts it. It ends when its pipes do, at the latest after the stretch it is busy with.
"""

import json
import os
import signal
import struct
import sys
from typing import Any, BinaryIO, Final

import pocketsphinx

from listen_sinks.transcript.stretches import RATE

NICENESS: Final = 5  # live calls come first; a busy machine still gets to it
MOST_STATES: Final = 5000
"""States that are followed at once: of 30,000, its default, the rest cost time and save no word."""
LENGTH: Final = struct.Struct("<I")
_NO_WORD: Final = "<["  # <sil>, <s>, [NOISE]


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Answer until there is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's
    os.nice(NICENESS)
    # Normalised over the whole stretch: the decoder keeps nothing of the one before.
    decoder = pocketsphinx.Decoder(
        samprate=RATE, cmn="batch", maxhmmpf=MOST_STATES, loglevel="FATAL"
    )
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        words = understood(decoder, source.read(length))
        target.write(json.dumps(words).encode() + b"\n")
        target.flush()


def understood(decoder: Any, audio: bytes) -> list[tuple[str, float, float, float]]:
    """Return the words of a stretch: text, start and end in seconds, confidence."""
    decoder.start_utt()
    decoder.process_raw(audio, no_search=False, full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return []
    a_second = decoder.config["frate"]
    return [
        (
            segment.word.partition("(")[0],  # "the(2)" is a way to say "the"
            segment.start_frame / a_second,
            (segment.end_frame + 1) / a_second,
            min(max(segment.prob, 0.0), 1.0),
        )
        for segment in decoder.seg()
        if segment.word[0] not in _NO_WORD
    ]


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
