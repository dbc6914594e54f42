"""Errors of pydantic's as sentences for the one who can put them right."""

import re
from typing import Any, cast, get_args

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from listen_server.faults import SAYS, meant, nowhere, told


class Example(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int
    names: tuple[str, ...] = ()
    inner: dict[str, int] = {}


def sentences(values: dict[str, Any], **options: Any) -> list[str]:
    with pytest.raises(ValidationError) as raised:
        Example.model_validate(values)
    given = {"known": Example.model_fields, "place": lambda _: "in the table", **options}
    return [told(detail, **given) for detail in raised.value.errors()]


def test_a_fault_names_the_setting_its_value_and_the_fix() -> None:
    assert sentences({"number": "x" * 100, "names": "a", "inner": {"a b": None}, "nubmer": 1}) == [
        f"`number` is '{'x' * 59}, but a whole number is asked for (it stands in the table)",
        "`names` is 'a', but a list is asked for (it stands in the table)",
        '`inner."a b"` is None, but a whole number is asked for (it stands in the table)',
        "`nubmer` is not a setting: did you mean `number`? (it stands in the table)",
    ]


def test_what_is_missing_has_no_value_and_stands_nowhere() -> None:
    assert sentences({"other": 1}) == [
        "`number` is missing",
        "`other` is not a setting: remove it (it stands in the table)",
    ]


def test_a_value_under_another_name_is_not_shown() -> None:
    assert sentences({"number": "hunter2"}, under=("sinks", "a"), place=nowhere) == [
        "`sinks.a.number`: a whole number is asked for"
    ]


def test_a_place_is_asked_for_by_the_whole_path() -> None:
    (told,) = sentences({"number": "x"}, under=("sinks", "a"), place=".".join)

    assert told.endswith("(it stands sinks.a.number)")


def test_no_sentence_waits_for_an_error_that_there_is_not() -> None:
    assert SAYS.keys() <= {*get_args(ErrorType), "path_type"}


@pytest.mark.parametrize("kind", get_args(ErrorType))
def test_every_kind_of_error_is_told_in_words_of_ours_or_a_sentence_of_pydantics(kind: Any) -> None:
    context = dict.fromkeys(re.findall(r"{(\w+)}", SAYS.get(kind, "")), 1)
    detail = {"type": kind, "loc": ("a",), "msg": "Input is odd", "input": 5, "ctx": context}

    assert told(cast("ErrorDetails", detail), known=())


def test_only_what_is_alike_is_meant() -> None:
    assert meant("prot", ["port", "host"]) == "did you mean `port`?"
    assert meant("PROT", ["PORT"], prefix="LISTEN_") == "did you mean `LISTEN_PORT`?"
    assert meant("prot", ["port"], alike=0.9) == ""
    assert meant("prot", []) == ""
