import pytest

from listen_sinks.voicemail.labels import check_number, check_ulid, fields, label, value_context

ULID = "01KB0000000000000000000MSG"


def test_no_label_is_the_beginning_of_another() -> None:
    names = ["audio", "tail", "key", "meta", "transcript", "peaks", "root", "root-id"]
    labels = [label(name) for name in names]

    assert label("root") == b"listen_server/lsv1/root\0"
    for one in labels:
        assert [other for other in labels if other.startswith(one)] == [one]


def test_values_are_joined_so_that_none_can_run_into_the_next() -> None:
    assert fields(ULID, 1, 23) == ULID.encode() + b"\x001\x0023"
    assert value_context(ULID, 12) == ULID.encode() + b"\x0012"


@pytest.mark.parametrize(
    "wrong", ["", ULID[1:], ULID + "0", "8" + ULID[1:], ULID.lower(), ULID[:-1] + "U", ULID + "\n"]
)
def test_what_is_no_ulid_is_refused_and_not_repeated(wrong: str) -> None:
    with pytest.raises(ValueError, match="ULID") as told:
        check_ulid(wrong)

    assert not wrong or wrong not in str(told.value)


def test_the_bounds_of_a_number_are_in_it() -> None:
    assert [check_number(0), check_number(2**32 - 1)] == [0, 2**32 - 1]
    assert check_number(1, least=1, most=1) == 1
    for wrong in (-1, 2**32, True):
        with pytest.raises(ValueError, match="integer from 0"):
            check_number(wrong)
