"""Every JSON example of jambonz's two references, with values of our own, read and written back.

An example that is not JSON as printed says in `mended` what was put right. `written` stands where
the reference's form is read and another is written: the form that jambonz takes.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from listen_server.jambonz.commands import read_command
from listen_server.jambonz.hooks import read_hook
from listen_server.jambonz.verbs import Application, Dial, Phone, read_verb

EXAMPLES = sorted(Path(__file__).parent.joinpath("examples").glob("*.json"))
HIDDEN = {"park", "sip_notify", "sip_redirect"}  # in comments of the reference


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_of_the_reference_is_written_back_with_the_same_meaning(file: Path) -> None:
    example = json.loads(file.read_text())

    assert _written(example["kind"], example["given"]) == example.get("written", example["given"])


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_what_was_written_is_read_again_as_the_same(file: Path) -> None:
    example = json.loads(file.read_text())

    once = _written(example["kind"], example["given"])

    assert _written(example["kind"], once) == once


def test_what_the_reference_hides_in_comments_is_passed_on_and_listed() -> None:
    given = {
        file.stem: json.loads(file.read_text())["given"] for file in EXAMPLES if file.stem in HIDDEN
    }

    application = Application(given.values())

    assert application.passed_through == ("park", "sip:notify", "sip:redirect")
    assert application.write() == list(given.values())


def _written(kind: str, given: Any) -> Any:
    match kind:
        case "verb":
            return Application([given]).write()[0]
        case "application":
            return Application(given).write()
        case "nested":
            nested = read_verb(given)
            dial = Dial.model_validate({"target": [Phone(number="+1555")], "transcribe": nested})
            return {"verb": given["verb"], **Application([dial]).write()[0]["transcribe"]}
        case "hook":
            return read_hook(given).write()
        case "command":
            return read_command(given).write()
        case _:
            raise AssertionError(kind)
