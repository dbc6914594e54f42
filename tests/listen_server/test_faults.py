"""Errors of pydantic's as sentences for the one who can put them right."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from listen_server.faults import meant, told


class Example(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int
    names: tuple[str, ...] = ()
    inner: dict[str, int] = {}


def sentences(values: dict[str, Any], **options: Any) -> list[str]:
    with pytest.raises(ValidationError) as raised:
        Example.model_validate(values)
    given = {"known": Example.model_fields, "where": "the table", **options}
    return [told(detail, **given) for detail in raised.value.errors()]


def test_a_fault_names_the_setting_its_value_and_the_fix() -> None:
    assert sentences({"number": "x" * 100, "names": "a", "inner": {"a b": None}, "nubmer": 1}) == [
        "`number` is '" + "x" * 59 + ", but: input should be a valid integer, unable to parse "
        "string as an integer (set it by the table)",
        "`names` is 'a', but: input should be a list (set it by the table)",
        '`inner."a b"` is None, but: input should be a valid integer (set it by the table)',
        "`nubmer` is not a setting: did you mean `number`?",
    ]


def test_what_is_missing_has_no_value() -> None:
    assert sentences({"other": 1}) == [
        "`number`: field required (set it by the table)",
        "`other` is not a setting: remove it (the table)",
    ]


def test_a_value_under_another_name_is_not_shown() -> None:
    assert sentences({"number": "hunter2"}, under="sinks.a.") == [
        (
            "`sinks.a.number`: input should be a valid integer, unable to parse string as an "
            "integer (set it by the table)"
        )
    ]


def test_only_what_is_alike_is_meant() -> None:
    assert meant("prot", ["port", "host"]) == "did you mean `port`?"
    assert meant("PROT", ["PORT"], prefix="LISTEN_") == "did you mean `LISTEN_PORT`?"
    assert meant("prot", ["port"], alike=0.9) == ""
    assert meant("prot", []) == ""
