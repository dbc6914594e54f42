"""Objects for the tests of the sealed format: written, cut, and read with every read counted."""

from dataclasses import dataclass, field

from listen_sinks.voicemail.lsv1 import BodyReader, BodyWriter, Header

MAILBOX = "01KB0000000000000000000MBX"
MESSAGE = "01KB0000000000000000000MSG"
KEY = bytes(range(32))


def header(part: int = 0) -> Header:
    return Header(MESSAGE, part, MAILBOX, key_version=1, sample_rate=8000, channels=1)


@dataclass
class Bytes:
    """An object in memory that notes which parts of it were read."""

    data: bytes
    reads: list[tuple[int, int]] = field(default_factory=list)

    def read(self, offset: int, length: int) -> bytes:
        assert length > 0, "some stores take a read of nothing for a fault"
        self.reads.append((offset, length))
        return self.data[offset : offset + length]


def sealed(plain: bytes, key: bytes = KEY) -> bytes:
    writer = BodyWriter(key, header())
    return writer.prefix + writer.update(plain) + writer.finalize()


def reader(source: Bytes | bytes, *, tails: tuple[bytes, ...] = (), key: bytes = KEY) -> BodyReader:
    of = source if isinstance(source, Bytes) else Bytes(source)
    return BodyReader(of.read, len(of.data), key, message=MESSAGE, part=0, tails=tails)


def everything(read_by: BodyReader) -> bytes:
    return read_by.read(0, read_by.length)
