from typing import Any

import pytest

from listen_server.simulator.errors import CallError
from listen_server.simulator.options import (
    Faults,
    parse_key,
    parse_metadata,
    parse_pause,
    parse_rate,
    parse_seconds,
)
from listen_server.simulator.script import Key, Pause


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("5@1.2", Key("5", 1.2)),
        ("#@0", Key("#", 0)),
        ("*@.5", Key("*", 0.5)),
        ("D@3.", Key("D", 3)),
    ],
)
def test_a_key_and_its_second(word: str, key: Key) -> None:
    assert parse_key(word) == key


@pytest.mark.parametrize("word", ["5", "@1", "5@", "12@1", "5@-1", "5@1e3", "x@1", "5@nan", ""])
def test_what_is_no_key_and_second_comes_back_with_the_fix(word: str) -> None:
    with pytest.raises(CallError, match=r"write one of .* as in 5@1\.2"):
        parse_key(word)


def test_a_pause_and_its_seconds() -> None:
    assert parse_pause("2-4.5") == Pause(2, 4.5)


@pytest.mark.parametrize("word", ["2", "4-2", "2-2", "-1-2", "a-b", "2-", ""])
def test_what_is_no_pause_comes_back_with_the_fix(word: str) -> None:
    with pytest.raises(CallError, match="write two seconds as in 2-4"):
        parse_pause(word)


@pytest.mark.parametrize(
    ("word", "pair"),
    [
        ("topic=sales", ("topic", "sales")),
        ("n=42", ("n", 42)),
        ("zip=0815", ("zip", "0815")),
        ("empty=", ("empty", "")),
        ("sum=1+1=2", ("sum", "1+1=2")),
        ('deep={"a":[1,null]}', ("deep", {"a": [1, None]})),
        ('text="42"', ("text", "42")),
    ],
)
def test_metadata_is_json_where_it_reads_as_json(word: str, pair: tuple[str, Any]) -> None:
    assert parse_metadata(word) == pair


@pytest.mark.parametrize("word", ["topic", "=sales", ""])
def test_metadata_without_a_key_comes_back_with_the_fix(word: str) -> None:
    with pytest.raises(CallError, match="write it as in topic=sales"):
        parse_metadata(word)


def test_only_the_rates_of_jambonz_are_taken() -> None:
    assert parse_rate(16000) == 16000
    with pytest.raises(CallError, match="use one of 8000, 16000, 24000, 32000, 48000, 64000"):
        parse_rate(44100)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_call_has_a_length(seconds: float) -> None:
    with pytest.raises(CallError, match="give more than 0"):
        parse_seconds(seconds)


def test_all_faults_come_together() -> None:
    faults = Faults()

    assert faults.read(parse_key, "5@1", "x", "y") == [Key("5", 1)]
    assert faults.read(parse_rate, 1) == []
    with pytest.raises(CallError) as raised:
        faults.check()
    assert len(str(raised.value).splitlines()) == 3


def test_without_faults_there_is_nothing_to_say() -> None:
    Faults().check()
