"""The vectors in tests/vectors/lsv1: read them; or, as a program, make them anew.

    python tests/lsv1_vectors.py     needs this distribution installed; every salt will be another

The outcomes are written down here by hand, from FORMAT.md; test_vectors.py holds two readers to
them.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import lsv1_spec
import numpy as np

from listen_sinks.voicemail.keys import PrivateKey, seal_message_key
from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.lsv1 import CHUNK, SEALED_CHUNK, BodyWriter, Header
from listen_sinks.voicemail.sealed import seal

FOLDER = Path(__file__).parent / "vectors" / "lsv1"
INLINE = 2048  # bytes up to which an object stands in the list itself, in hex

MAILBOX, OTHER_MAILBOX = "01KB0000000000000000000MBX", "01KB000000000000000000MBX2"
MESSAGE, OTHER_MESSAGE = "01KB0000000000000000000MSG", "01KB000000000000000000MSG2"
KEY, OTHER_KEY = bytes(range(32)), bytes(range(32, 64))
PRIVATE, OTHER_PRIVATE = bytes([1] * 32), bytes([2] * 32)
HEADER = Header(MESSAGE, 0, MAILBOX, 1, 8000, 1)
PREFIX = len(BodyWriter(KEY, HEADER).prefix)


def audio(length: int, start: int = 0) -> bytes:
    """Samples that count up: which they are can be seen."""
    numbers = np.arange(start, start + length // 2 + 1) % 2**15
    return numbers.astype("<i2").tobytes()[:length]


@dataclass(frozen=True)
class Vector:
    """An object, what is done to it, what to read it with, and what comes of it."""

    name: str
    object: str
    edits: tuple[tuple[Any, ...], ...] = ()
    tails: tuple[str, ...] = ()
    key: str = KEY.hex()
    message: str = MESSAGE
    part: int = 0
    outcome: str = "sealed"  # or: cut, refused
    length: int = 0
    damaged: tuple[int, ...] = ()
    loose: int = 0
    sha256: str = field(default="")


# Read ----------------------------------------------------------------------------------------


def load() -> dict[str, Any]:
    """Return the list as it is in the file."""
    document: dict[str, Any] = json.loads((FOLDER / "vectors.json").read_text())
    return document


def vectors() -> Iterator[tuple[Vector, bytes]]:
    """Give every vector of an object, and the object after its edits."""
    document = load()
    for entry in document["objects"]:
        vector = Vector(**entry)
        objects = {name: bytes.fromhex(text) for name, text in document["inline"].items()}
        objects |= {path.name: path.read_bytes() for path in FOLDER.glob("*.lsv1")}
        yield vector, edited(objects[vector.object], vector.edits, objects)


def edited(data: bytes, edits: Any, objects: dict[str, bytes]) -> bytes:
    """Do to an object what was done to it."""
    changed = bytearray(data)
    for verb, *arguments in edits:
        match verb, arguments:
            case "cut", [length]:
                del changed[length:]
            case "flip", [offset]:
                changed[offset] ^= 1
            case "append", [text]:
                changed += bytes.fromhex(text)
            case "append zeros", [length]:
                changed += bytes(length)
            case "copy", [name, start, stop, to]:  # bytes start to stop of an object, over ours
                changed[to : to + stop - start] = objects[name][start:stop]
            case "replace", [old, new]:
                assert changed.count(old.encode()) == 1
                changed = changed.replace(old.encode(), new.encode())
            case _:
                raise ValueError(verb)
    return bytes(changed)


# Make ----------------------------------------------------------------------------------------

SIZES = {
    "empty": 0,
    "one-chunk-less-one": CHUNK - 1,
    "one-chunk": CHUNK,
    "one-chunk-and-one": CHUNK + 1,
    "two-chunks-less-one": 2 * CHUNK - 1,
    "two-chunks": 2 * CHUNK,
    "two-chunks-and-one": 2 * CHUNK + 1,
}
CALL = 2 * CHUNK + 1000  # bytes of audio in the object that most vectors are made from
SECOND = PREFIX + SEALED_CHUNK  # offset of the second chunk
FINAL = PREFIX + 2 * SEALED_CHUNK


def make() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    objects = {f"{name}.lsv1": sealed_audio(audio(size)) for name, size in SIZES.items()}
    objects["hello.lsv1"] = sealed_audio(b"hello\n")
    call = BodyWriter(KEY, HEADER)
    objects["call.lsv1"], tails = written(call, audio(CALL))
    other = BodyWriter(OTHER_KEY, replace(HEADER, message=OTHER_MESSAGE))
    objects["other-call.lsv1"], other_tails = written(other, audio(CALL, 9000))
    wrong = dict(wrong_headers())
    found = [*good(), *bad(), *cut(tails, other_tails), *headers(wrong)]
    inline = {name: data for name, data in (objects | wrong).items() if len(data) <= INLINE}
    for name in objects.keys() - inline.keys():
        (FOLDER / name).write_bytes(objects[name])
    document = {
        "inline": {name: data.hex() for name, data in inline.items()},
        "objects": [described(vector) for vector in found],
        "envelopes": list(envelopes()),
        "values": list(values()),
    }
    (FOLDER / "vectors.json").write_text(json.dumps(document, indent=1) + "\n")


def sealed_audio(plain: bytes) -> bytes:
    writer = BodyWriter(KEY, HEADER)
    return writer.prefix + writer.update(plain) + writer.finalize()


def written(writer: BodyWriter, plain: bytes) -> tuple[bytes, dict[int, str]]:
    """Return the object, and a tail record for every 100 bytes of audio."""
    data, tails = writer.prefix, {}
    for at in range(100, len(plain) + 100, 100):
        data += writer.update(plain[at - 100 : at])
        tails[at] = writer.tail().hex()
    return data + writer.finalize(), tails


def described(vector: Vector) -> dict[str, Any]:
    """Add the digest of what is read, and leave out what is as always."""
    plain = bytearray(b"hello\n" if vector.object == "hello.lsv1" else audio(vector.length))
    for chunk in vector.damaged:
        plain[chunk * CHUNK : (chunk + 1) * CHUNK] = bytes(CHUNK)
    digest = hashlib.sha256(plain[: vector.length]).hexdigest()
    full = vars(replace(vector, sha256="" if vector.outcome == "refused" else digest))
    return {name: value for name, value in full.items() if value != vars(EMPTY)[name]}


EMPTY = Vector("", "")


def good() -> Iterator[Vector]:
    yield Vector("hello", "hello.lsv1", length=6)
    for name, size in SIZES.items():
        yield Vector(name, f"{name}.lsv1", length=size)
    yield Vector("a call", "call.lsv1", length=CALL)


def bad() -> Iterator[Vector]:
    refused = Vector("", "call.lsv1", outcome="refused")
    whole = Vector("", "call.lsv1", length=CALL)
    yield replace(refused, name="wrong key", key=OTHER_KEY.hex())
    yield replace(refused, name="another message's audio", object="other-call.lsv1")
    yield replace(
        refused,
        name="another message's audio and key",
        object="other-call.lsv1",
        key=OTHER_KEY.hex(),
    )
    yield replace(refused, name="another part", part=1)
    for name, offset in {"magic": 0, "length": 7, "header": 20, "salt": PREFIX - 50}.items():
        yield replace(refused, name=f"flipped byte in the {name}", edits=(("flip", offset),))
    yield replace(refused, name="flipped byte in the commitment", edits=(("flip", PREFIX - 1),))
    rate = ("replace", '"sample_rate":8000', '"sample_rate":4000')
    yield replace(refused, name="edited header", edits=(rate,))
    yield replace(refused, name="cut inside the prefix", edits=(("cut", PREFIX - 1),))
    yield replace(refused, name="cut inside the magic", edits=(("cut", 3),))
    yield replace(refused, name="nothing at all", edits=(("cut", 0),))
    for name, offset in {"first": PREFIX, "last": SECOND - 1}.items():
        edits = (("flip", offset),)
        yield replace(whole, name=f"flipped {name} byte of a chunk", edits=edits, damaged=(0,))
    swap = (
        ("copy", "call.lsv1", PREFIX, SECOND, SECOND),
        ("copy", "call.lsv1", SECOND, FINAL, PREFIX),
    )
    yield replace(whole, name="swapped chunks", edits=swap, damaged=(0, 1))
    yield replace(whole, name="a chunk twice", edits=swap[:1], damaged=(1,))
    alien = (("copy", "other-call.lsv1", PREFIX, SECOND, PREFIX),)
    yield replace(whole, name="a chunk of another message", edits=alien, damaged=(0,))


def cut(tails: dict[int, str], other_tails: dict[int, str]) -> Iterator[Vector]:
    one = Vector("", "call.lsv1", (("cut", SECOND),), outcome="cut", length=CHUNK)
    two = replace(one, edits=(("cut", FINAL),), length=2 * CHUNK)
    yield replace(one, name="cut at a chunk border")
    yield replace(one, name="cut behind the prefix", edits=(("cut", PREFIX),), length=0)
    yield replace(one, name="cut inside a chunk", edits=(("cut", SECOND + 9000),), loose=9000)
    yield replace(two, name="cut inside the final chunk", edits=(("cut", FINAL + 999),), loose=999)
    yield replace(two, name="cut by one byte", edits=(("cut", FINAL + 1015),), loose=1015)
    yield replace(two, name="flipped byte in the final chunk", edits=(("flip", FINAL),), loose=1016)
    yield replace(two, name="a byte appended", edits=(("append", "00"),), loose=1017)
    torn = (("cut", SECOND), ("append zeros", 2 * SEALED_CHUNK + 40))
    yield replace(one, name="blocks never written", edits=torn, loose=2 * SEALED_CHUNK + 40)
    yield replace(
        two, name="cut and damaged before", edits=(("cut", FINAL), ("flip", PREFIX)), damaged=(0,)
    )
    gone = (("cut", FINAL), ("flip", SECOND))
    yield replace(one, name="cut and damaged at the end", edits=gone, loose=SEALED_CHUNK)

    begun, more, next_chunk = (tails[at] for at in (16500, 16900, 32900))
    broken = more[:-1] + ("0" if more[-1] != "0" else "1")
    yield replace(one, name="a tail", tails=(begun,), length=16500)
    yield replace(one, name="two tails", tails=(begun, more), length=16900)
    yield replace(one, name="two tails, the newer torn", tails=(broken, begun), length=16500)
    yield replace(one, name="tail of another message", tails=(other_tails[16500],))
    yield replace(one, name="tail older than the chunks", tails=(tails[400],))
    yield replace(one, name="tail behind a hole", tails=(next_chunk,))
    yield replace(one, name="tail without its last byte", tails=(more[:-2],))
    yield replace(one, name="tail with a byte more", tails=(more + "00",))
    yield replace(one, name="tail that is none", tails=("", "00" * 28))
    yield replace(
        one, name="no chunk but a tail", edits=(("cut", PREFIX),), tails=(tails[700],), length=700
    )
    yield Vector("sealed, with a tail left over", "call.lsv1", tails=(next_chunk,), length=CALL)


def wrong_headers() -> Iterator[tuple[str, bytes]]:
    """Objects that are sealed as they should be, but for what their header says."""
    right = json.loads(HEADER.head()[8:])
    changes: dict[str, dict[str, Any]] = {
        "another version": {"v": 2},
        "a number that is true": {"part": False},
        "a number with a point": {"channels": 1.0},
        "a number that is text": {"sample_rate": "8000"},
        "no channels": {"channels": 0},
        "three channels": {"channels": 3},
        "a negative part": {"part": -1},
        "another body": {"body": "cobblestone-128"},
        "other samples": {"audio": "mulaw"},
        "a mailbox that is a path": {"mailbox": "../../../../../../etc/shadow"},
        "a message in small letters": {"message": MESSAGE.lower()},
        "a name too many": {"number": "+4930123456"},
    }
    encodings = {name: compact(right | change) for name, change in changes.items()}
    encodings |= {
        "white space": json.dumps(right, sort_keys=True).encode(),
        "names out of order": compact(dict(reversed(right.items())), sort_keys=False),
        "a name twice": compact(right).replace(b'"v":1', b'"v":1,"v":1'),
        "a name too few": compact({k: right[k] for k in right if k != "part"}),
        "no object": b"[1]",
        "no JSON": b"\xff\xfe",
        "brackets without end": b"[" * 1024,
        "too long": compact(right) + b" " * 1024,
        "nothing": b"",
    }
    for name, header in encodings.items():
        head = b"LSV1" + len(header).to_bytes(4, "big") + header
        salt = hashlib.sha256(name.encode()).digest()[:24]
        yield f"header with {name}", lsv1_spec.write(KEY, head, salt, b"")


def compact(values: Any, *, sort_keys: bool = True) -> bytes:
    return json.dumps(values, sort_keys=sort_keys, separators=(",", ":")).encode()


def headers(wrong: dict[str, bytes]) -> Iterator[Vector]:
    for name in wrong:
        yield Vector(name, name, outcome="refused")


def envelopes() -> Iterator[dict[str, Any]]:
    public = PrivateKey(MAILBOX, 1, "x25519", PRIVATE).public
    envelope = seal_message_key(KEY, public, MESSAGE, 0)
    right = {
        "envelope": envelope.hex(),
        "private": PRIVATE.hex(),
        "mailbox": MAILBOX,
        "version": 1,
        "message": MESSAGE,
        "part": 0,
    }
    yield {"name": "an envelope", **right, "outcome": "opens", "key": KEY.hex()}
    changed: dict[str, dict[str, Any]] = {
        "another message's": {"message": OTHER_MESSAGE},
        "another part's": {"part": 1},
        "another mailbox's": {"mailbox": OTHER_MAILBOX},
        "another version's": {"version": 2},
        "under another private key": {"private": OTHER_PRIVATE.hex()},
        "with a flipped byte": {"envelope": edited(envelope, [("flip", 40)], {}).hex()},
        "with a flipped byte at its beginning": {
            "envelope": edited(envelope, [("flip", 0)], {}).hex()
        },
        "cut": {"envelope": envelope[:-1].hex()},
        "that is empty": {"envelope": ""},
    }
    for name, change in changed.items():
        yield {"name": f"an envelope {name}", **right, **change, "outcome": "wrong key"}


def values() -> Iterator[dict[str, Any]]:
    plain = b'{"from":"+4930123456"}'
    sealed = seal(KEY, "meta", value_context(MESSAGE, 0), plain)
    right = {
        "sealed": sealed.hex(),
        "key": KEY.hex(),
        "label": "meta",
        "message": MESSAGE,
        "part": 0,
    }
    yield {"name": "metadata", **right, "outcome": "opens", "plain": plain.hex()}
    nothing = seal(KEY, "peaks", value_context(MESSAGE, 0), b"").hex()
    yield {
        "name": "peaks of nothing",
        **right,
        "sealed": nothing,
        "label": "peaks",
        "outcome": "opens",
        "plain": "",
    }
    changed: dict[str, dict[str, Any]] = {
        "under another key": {"key": OTHER_KEY.hex()},
        "of another message": {"message": OTHER_MESSAGE},
        "of another part": {"part": 1},
        "as if it were the transcript": {"label": "transcript"},
        "of another version": {"sealed": "02" + sealed.hex()[2:]},
        "with a flipped byte": {"sealed": edited(sealed, [("flip", 20)], {}).hex()},
        "cut": {"sealed": sealed[:28].hex()},
        "that is empty": {"sealed": ""},
    }
    for name, change in changed.items():
        yield {"name": f"metadata {name}", **right, **change, "outcome": "refused"}


if __name__ == "__main__":
    make()
