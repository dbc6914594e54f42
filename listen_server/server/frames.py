"""Where websocket frames begin and end (RFC 6455, section 5.2). Bytes in, offsets out.

websocket.py cuts what it reads with this and hands every frame that is not plain audio to
the parser of the websockets library; nothing is judged here.
"""

import struct

try:
    from websockets.speedups import apply_mask
except ImportError:  # platforms without a compiled wheel
    from websockets.utils import apply_mask

_BINARY = 0x82  # FIN, no reserved bit, opcode 2
_OPCODES = frozenset((0x0, 0x1, 0x2, 0x8, 0x9, 0xA))
_MASKED = 0x80
_HEAD = 2  # bytes: opcode, length
_MASK = 4  # bytes
_EXTENDED = 126  # as a length: 16 bits follow with the real one; 127: 64 bits
_uint16 = struct.Struct(">H").unpack_from
_uint64 = struct.Struct(">Q").unpack_from


def binary_run(stream: bytes | bytearray, at: int, limit: float) -> tuple[list[bytes], int]:
    """Unmask the whole, unfragmented binary frames that stand in a row from offset `at`.

    Returns their payloads and the offset of the first byte that is none of theirs. A frame with
    which they would be over `limit` bytes together ends the run: joined, they are one message.
    One pass of Python: one read brings a handful of frames, and below twenty numpy costs more
    than it saves.
    """
    payloads: list[bytes] = []
    end = len(stream)
    head, size, body = b"", 0, 0  # of the frame before: the next one is mostly as long
    while True:
        if not head or not stream.startswith(head, at):
            found = _binary_head(stream, at)
            if found is None:
                return payloads, at
            head, size = found
            body = len(head) + _MASK
        start = at + body
        stop = start + size
        if stop > end or size > limit:
            return payloads, at
        payloads.append(apply_mask(stream[start:stop], stream[start - _MASK : start]))
        limit -= size
        at = stop


def _binary_head(stream: bytes | bytearray, at: int) -> tuple[bytes, int] | None:
    """Return the head of a whole binary frame, but for its mask, and its size; None for others."""
    if len(stream) - at < _HEAD + _MASK or stream[at] != _BINARY:
        return None
    size, stop = stream[at + 1] - _MASKED, at + _HEAD
    if size < 0:
        return None
    if size >= _EXTENDED:
        stop += 2 if size == _EXTENDED else 8
        if stop > len(stream):
            return None
        (size,) = (_uint16 if size == _EXTENDED else _uint64)(stream, at + _HEAD)
    return bytes(stream[at:stop]), size


def frame_end(stream: bytes | bytearray, at: int, limit: float) -> int | None:
    """Return the offset after the frame that begins at `at`, None while it is not all there.

    A frame that must be refused by its head alone (no mask, an unknown opcode, over `limit`
    bytes) reaches to the end of the stream: it is for the parser to refuse it, and now.
    """
    end = len(stream)
    if end - at < _HEAD:
        return None
    size = stream[at + 1] - _MASKED
    if size < 0 or stream[at] & 0x0F not in _OPCODES:
        return end
    head = _HEAD
    if size >= _EXTENDED:
        head += 2 if size == _EXTENDED else 8
        if end - at < head:
            return None
        (size,) = (_uint16 if size == _EXTENDED else _uint64)(stream, at + _HEAD)
    if size > limit:
        return end
    stop = at + head + _MASK + size
    return stop if stop <= end else None
