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
    while end - at >= _HEAD + _MASK and stream[at] == _BINARY:
        size = stream[at + 1] - _MASKED
        body = at + _HEAD + _MASK
        if size >= _EXTENDED:
            body += 2 if size == _EXTENDED else 8
            if body > end:
                break
            (size,) = (_uint16 if size == _EXTENDED else _uint64)(stream, at + _HEAD)
        stop = body + size
        if size < 0 or stop > end or size > limit:
            break
        payloads.append(apply_mask(stream[body:stop], stream[body - _MASK : body]))
        limit -= size
        at = stop
    return payloads, at


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
