import hashlib
from typing import Any

import lsv1_spec
import pytest
from lsv1_spec import Finding
from lsv1_vectors import Vector, load, vectors

from listen_sinks.voicemail.keys import PrivateKey, WrongKey
from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.lsv1 import BodyReader, Refused
from listen_sinks.voicemail.sealed import unseal

OBJECTS = [pytest.param(vector, data, id=vector.name) for vector, data in vectors()]
ENVELOPES = [pytest.param(entry, id=entry["name"]) for entry in load()["envelopes"]]
VALUES = [pytest.param(entry, id=entry["name"]) for entry in load()["values"]]


def read(vector: Vector, data: bytes) -> Finding:
    """Read an object with the product."""
    try:
        reader = BodyReader(
            lambda offset, length: data[offset : offset + length],
            len(data),
            bytes.fromhex(vector.key),
            message=vector.message,
            part=vector.part,
            tails=map(bytes.fromhex, vector.tails),
        )
    except Refused:
        return Finding("refused")
    found = reader.salvage(0, reader.length)
    return Finding(reader.ending, found.plain, found.damaged, reader.loose)


@pytest.mark.parametrize(("vector", "data"), OBJECTS)
def test_an_object_comes_out_as_the_vector_says(vector: Vector, data: bytes) -> None:
    found = read(vector, data)

    assert outcome(found) == expected(vector)


@pytest.mark.parametrize(("vector", "data"), OBJECTS)
def test_a_reader_made_from_the_specification_finds_the_same(vector: Vector, data: bytes) -> None:
    tails = map(bytes.fromhex, vector.tails)
    found = lsv1_spec.read(data, bytes.fromhex(vector.key), vector.message, vector.part, tails)

    assert outcome(found) == expected(vector)
    assert found == read(vector, data)


@pytest.mark.parametrize("entry", ENVELOPES)
def test_an_envelope_opens_or_not_as_the_vector_says(entry: dict[str, Any]) -> None:
    private = PrivateKey(
        entry["mailbox"], entry["version"], "x25519", bytes.fromhex(entry["private"])
    )
    envelope = bytes.fromhex(entry["envelope"])
    names = ("message", "part", "mailbox", "version")
    info = "\0".join(["listen_server/lsv1/key", *(str(entry[name]) for name in names), "x25519"])

    plain = lsv1_spec.open_envelope(envelope, bytes.fromhex(entry["private"]), info.encode())

    if entry["outcome"] == "opens":
        assert private.open_envelope(envelope, entry["message"], entry["part"]) == plain
        assert plain == bytes.fromhex(entry["key"])
    else:
        assert plain is None
        with pytest.raises(WrongKey):
            private.open_envelope(envelope, entry["message"], entry["part"])


@pytest.mark.parametrize("entry", VALUES)
def test_a_small_value_opens_or_not_as_the_vector_says(entry: dict[str, Any]) -> None:
    key, sealed = bytes.fromhex(entry["key"]), bytes.fromhex(entry["sealed"])
    message, part, label = entry["message"], entry["part"], entry["label"]

    plain = lsv1_spec.open_value(key, label, message, part, sealed)

    if entry["outcome"] == "opens":
        assert unseal(key, label, value_context(message, part), sealed) == plain
        assert plain == bytes.fromhex(entry["plain"])
    else:
        assert plain is None
        with pytest.raises(Refused):
            unseal(key, label, value_context(message, part), sealed)


def outcome(found: Finding) -> tuple[Any, ...]:
    digest = "" if found.outcome == "refused" else hashlib.sha256(found.plain).hexdigest()
    return found.outcome, len(found.plain), digest, found.damaged, found.loose


def expected(vector: Vector) -> tuple[Any, ...]:
    damaged = tuple(vector.damaged)
    return vector.outcome, vector.length, vector.sha256, damaged, vector.loose
