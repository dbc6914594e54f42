"""How libsndfile is used by files.py: in order, and what goes wrong in its files is not lost.

soundfile calls a Python file from C, where an exception is printed and forgotten, and a full disk
becomes an assertion about a count. Here the first one is kept and raised where it can be caught.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import soundfile


class Guarded:
    """A seekable file whose reads and writes never raise; `error` holds what they would have.

    It has no `name`, so that no guess is made from a suffix: only what is in the file counts.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: Exception | None = None

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer as far as the file goes; 0 at its end and after an error."""
        try:
            data = self._file.read(len(buffer))
        except Exception as error:  # noqa: BLE001  # whatever it is, it must get past C
            return self._keep(error)
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: bytes) -> int:
        """Write all of it, or none after an error."""
        try:
            return self._file.write(data)
        except Exception as error:  # noqa: BLE001  # as above
            return self._keep(error)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go there; -1 if the file cannot, which is the fault of a damaged header that asks."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -1

    def tell(self) -> int:
        """Say where it is."""
        return self._file.tell()

    def _keep(self, error: Exception) -> int:
        self.error = self.error or error
        return 0


class InOrder(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no marker for its types
    """A sound file that is read or written from its beginning to its end.

    After each piece, soundfile seeks to where a seekable file is anyway. libsndfile's Opus decoder
    does not come back to quite the same samples from that, and the other formats lose time.
    """

    def seekable(self) -> bool:
        """Say no, whatever the file can."""
        return False


@contextmanager
def guarded(file: BinaryIO) -> Iterator[Guarded]:
    """Lend a file to libsndfile; raise its own error instead of libsndfile's idea of it."""
    lent = Guarded(file)
    try:
        yield lent
    except (soundfile.SoundFileError, AssertionError):
        if lent.error:
            raise lent.error from None
        raise
    if lent.error:
        raise lent.error
