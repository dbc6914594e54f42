"""What jambonz holds while a socket takes nothing, and what it then loses. client.py drains it.

The rules are those of `fork_frame` and `AudioPipe` in jambonz/freeswitch-modules
(mod_audio_fork): packets that cannot go out gather and leave as one frame; a full buffer is
forgotten as a whole, in silence.
"""

from typing import Final

from listen_codecs.formats import AudioFormat

PACKET_SECONDS: Final = 0.02
_RESERVED: Final = 16  # LWS_PRE: bytes before the audio, for the frame header
_PACKETS_PER_SECOND: Final = 50


class AudioPipe:
    """The audio buffer of one connection."""

    def __init__(
        self, audio_format: AudioFormat, *, seconds: int = 2, resampled: bool = False
    ) -> None:
        """Hold `seconds` (jambonz allows 1 to 5) of audio in this format.

        `resampled`: the call's codec has another rate than was asked for, and the media server
        takes another path through its code.
        """
        one_channel = audio_format.sample_rate // _PACKETS_PER_SECOND * 2
        self._capacity = (
            _RESERVED + one_channel * audio_format.channels * _PACKETS_PER_SECOND * seconds
        )
        # A decoded packet of the codec, which has one channel; nothing smaller may remain free.
        self._least_free = one_channel
        self._resampled = resampled
        self._buffer = bytearray()
        self._start = _RESERVED
        self.overruns = 0
        self.lost = 0  # bytes

    def write(self, packet: bytes | memoryview) -> None:
        """Add a packet; where it does not fit, lose what jambonz loses."""
        if self._resampled and len(packet) > self._free:
            self.overruns += 1
            self.lost += len(packet)  # the newest is dropped
            return
        self._buffer += packet
        if not self._resampled and self._free < self._least_free:
            self.overruns += 1
            self.lost += len(self._buffer)
            self._buffer.clear()
            # binaryWritePtrResetToZero: the next packet begins where the header belongs, and
            # its first 16 bytes are never sent.
            self._start = 0

    def take(self) -> bytes:
        """Return what goes out as one frame now, and forget it; empty if there is nothing."""
        if len(self._buffer) <= self._cut:
            return b""
        data = bytes(memoryview(self._buffer)[self._cut :])
        self.lost += self._cut
        self._buffer.clear()
        self._start = _RESERVED
        return data

    def discard(self) -> None:
        """Forget what has not gone out, as a hang-up does."""
        self.lost += len(self._buffer)
        self._buffer.clear()

    @property
    def _cut(self) -> int:
        return _RESERVED - self._start

    @property
    def _free(self) -> int:
        return self._capacity - self._start - len(self._buffer)
