import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.sealed import Refused, seal, unseal

KEY, MESSAGE = bytes(range(32)), "01KB0000000000000000000MSG"
CONTEXT = value_context(MESSAGE, 0)


@given(plain=st.binary(max_size=500))
def test_what_is_sealed_comes_back_and_costs_29_bytes(plain: bytes) -> None:
    sealed = seal(KEY, "transcript", CONTEXT, plain)

    assert unseal(KEY, "transcript", CONTEXT, sealed) == plain
    assert len(sealed) == len(plain) + 29


@given(at=st.integers(0, 48), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused(at: int, bit: int) -> None:
    changed = bytearray(seal(KEY, "peaks", CONTEXT, bytes(20)))
    changed[at] ^= 1 << bit

    with pytest.raises(Refused):
        unseal(KEY, "peaks", CONTEXT, bytes(changed))


@given(data=st.binary(max_size=60))
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        unseal(KEY, "meta", CONTEXT, data)


def test_a_value_is_of_its_message_part_and_label_alone() -> None:
    sealed = seal(KEY, "meta", CONTEXT, b"who called")

    for context in (value_context(MESSAGE, 1), value_context(MESSAGE[:-1] + "H", 0), b""):
        with pytest.raises(Refused):
            unseal(KEY, "meta", context, sealed)
    with pytest.raises(Refused):
        unseal(KEY, "transcript", CONTEXT, sealed)


def test_the_same_value_sealed_twice_does_not_look_the_same() -> None:
    assert seal(KEY, "meta", CONTEXT, b"x") != seal(KEY, "meta", CONTEXT, b"x")


def test_the_context_takes_ids_of_ours_alone() -> None:
    for message, part in (("callSid\0", 0), (MESSAGE, -1), (MESSAGE, True)):
        with pytest.raises(ValueError, match="is not"):
            value_context(message, part)
