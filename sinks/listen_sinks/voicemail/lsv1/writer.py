"""Write an object from its first sample to its end. Pure: the spool does the writing to disk."""

from cryptography.cobblestone import Cobblestone256Encryptor

from listen_sinks.voicemail.lsv1.header import Header
from listen_sinks.voicemail.lsv1.layout import CHUNK, SEALED_CHUNK, audio_context
from listen_sinks.voicemail.lsv1.tail import Tails


def new_message_key() -> bytes:
    """Make the key of one object. It must never be used for another."""
    return Cobblestone256Encryptor.generate_key()


class BodyWriter:
    """One object in the making. `prefix` + all that `update` returned + `finalize()` is the object.

    It can be cut anywhere: what `BodyReader` makes of the rest is the beginning of the audio.
    """

    def __init__(self, message_key: bytes, header: Header) -> None:
        head = header.head()
        self.header = header
        self._body = Cobblestone256Encryptor(message_key, audio_context(head))
        self.prefix = head + self._body.update(b"")
        """Magic, length, header, salt, commitment: written before the first sample."""
        self._tails = Tails(message_key, self.prefix)
        self._chunk = 0  # number of the chunk that is begun
        self._begun = bytearray()

    def update(self, pcm: bytes) -> bytes:
        """Take samples; return the chunks that are whole now, often none."""
        sealed = self._body.update(pcm)
        whole = len(sealed) // SEALED_CHUNK
        self._chunk += whole
        self._begun += pcm
        del self._begun[: whole * CHUNK]
        return sealed

    def tail(self) -> bytes:
        """Return a record of what is in no whole chunk yet; empty if there is nothing."""
        return self._tails.seal(self._chunk, bytes(self._begun)) if self._begun else b""

    @property
    def begun(self) -> tuple[int, bytes]:
        """The number of the chunk that is not whole yet, and a copy of what is in it."""
        return self._chunk, bytes(self._begun)

    def finalize(self) -> bytes:
        """Return the final chunk. The object is sealed then, and its tail records are void."""
        sealed = self._body.finalize()
        self._begun.clear()
        return sealed
