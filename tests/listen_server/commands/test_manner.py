"""Every page of help in one manner, and every slip on the command line as one sentence."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from terminal import run
from typer.main import get_command

from listen_server.__main__ import app


def pages(command: Any = None, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the way to every command and group."""
    command = command or get_command(app)
    yield path
    for name in getattr(command, "list_commands", lambda _: ())(None):
        yield from pages(command.get_command(None, name), *path, name)


@pytest.mark.parametrize("path", list(pages()), ids=" ".join)
def test_a_page_of_help_has_no_boxes_no_types_and_no_cut_sentences(path: tuple[str, ...]) -> None:
    page = run(*path, "--help")

    assert page.status == 0
    assert not re.search(r"[╭│╰]|<\w|[a-z,]\.\.\.$", page.told, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("serve --port abc", "--port is 'abc', but a whole number is asked for"),
        ("serve --bogus", "no such option: --bogus"),
        ("serve --prot 1", "no such option: --prot (did you mean --host, --port)"),
        ("bogus", "no such command 'bogus'"),
        ("credentials bogus", "no such command 'bogus'"),
        ("messages bogus", "no such command 'bogus'"),
        ("credentials add", "missing argument 'TENANT'"),
        ("serve --port", "option '--port' requires an argument"),
        ("call --calls 0", "--calls is '0', but 1 or more is asked for"),
        ("call --speed -1", "--speed is '-1', but 0 or more is asked for"),
        ("call --mix x", "--mix is 'x', but one of 'mono', 'stereo', 'mixed' is asked for"),
    ],
)
def test_a_slip_on_the_command_line_is_one_sentence(arguments: str, sentence: str) -> None:
    ended = run(*arguments.split())

    assert ended.status == 2
    assert ended.stderr.startswith(f"listen-server: {sentence}")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("group", ["", "credentials", "messages"])
def test_a_group_without_a_command_shows_its_help(group: str) -> None:
    ended = run(*group.split())

    assert ended.status == 2
    assert "Commands:" in ended.stderr


def test_a_command_that_fails_ends_with_its_status() -> None:
    assert run("call", "--url", "ftp://a").status == 1
