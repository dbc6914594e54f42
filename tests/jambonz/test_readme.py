"""The README of the package: its example runs, and its tables leave nothing out."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jambonz.peer import Http, Socket, up

import listen_server.jambonz as package
from listen_server.errors import ConfigError
from listen_server.jambonz import Addresses, addresses_of, verbs
from listen_server.jambonz.command_data import COMMANDS
from listen_server.jambonz.hooks import HOOKS
from listen_server.jambonz.verbs import VERBS
from listen_server.settings import load_settings

HERE = Path(__file__).parent
NAMED = re.compile(r"(?:\.\./[\w/]+/)?test_\w+\.py|examples/\w+\.json")
HOOK_NAMES = {hook.__name__ for hook in HOOKS}
TEN = 10  # commands of the reference


@pytest.fixture(scope="module")
def readme() -> str:
    assert package.__file__
    return (Path(package.__file__).parent / "README.md").read_text()


@pytest.fixture(scope="module")
def example(readme: str) -> str:
    first: str = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0]
    return first


async def test_the_example_answers_over_both_transports(example: str) -> None:
    made: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), made)  # noqa: S102 - our own example

    async with (
        up(made["app"]) as address,
        httpx2.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        http, socket = Http(client, f"http://{address}"), await Socket.open(address)
        for platform in (http, socket):
            (gather,) = await platform.new()
            (dial,) = await platform.hook("/chosen", digits="1")
            (enqueue,) = await platform.hook("/chosen", digits="2")
            waiting = await platform.hook("/waiting", queue_position=3)

            assert gather["say"]["text"] == "Sales is 1, help is 2."
            assert dial["target"][0]["number"] == "+15551230003"
            assert enqueue["waitHook"] == "/waiting"
            assert [verb["verb"] for verb in waiting] == ["say", "pause"]
        await socket.close()


def test_the_example_is_short(example: str) -> None:
    code = [line for line in example.splitlines() if line.strip()]

    assert len(code) <= 20


@pytest.mark.parametrize(
    "names",
    [
        [verb.verb for verb in VERBS],
        [name for name in COMMANDS if name != "stream:status"],
        [hook.__name__ for hook in HOOKS],
    ],
)
def test_the_tables_name_each_verb_command_and_hook(readme: str, names: list[str]) -> None:
    assert set(names) <= set(re.findall(r"^\| `([\w:-]+)` \|", readme, re.MULTILINE))


def test_every_test_and_example_that_is_named_exists_and_every_example_is_named(
    readme: str,
) -> None:
    named = set(NAMED.findall(readme))

    assert all((HERE / name).exists() for name in named)
    kept = {f"examples/{file.name}" for file in HERE.glob("examples/*.json")}
    assert kept <= named


ROW = re.compile(r"^\| `([\w:-]+)` \|(.*test_\w+\.py.*)\|$", re.MULTILINE)


def test_every_test_that_is_named_for_something_speaks_of_it(readme: str) -> None:
    rows = ROW.findall(readme)

    assert len(rows) == len(VERBS) + len(HOOKS) + TEN
    for name, tests in rows:
        words = {name, name.title().replace(":", ""), name.replace(":", "_").replace("-", "_")}
        for file in NAMED.findall(tests):
            told = (HERE / file).read_text()
            if file == "test_application.py":
                told += (HERE / "desk.py").read_text()  # the application that it plays
            if file.startswith("examples/") and name in HOOK_NAMES:
                assert json.loads(told)["kind"] == "hook"
            else:
                assert any(re.search(rf"\b{word}\b", told) for word in words), (name, file)


def test_what_a_star_imports_is_there() -> None:
    assert all(hasattr(package, name) for name in package.__all__)
    assert len(set(package.__all__)) == len(package.__all__)
    assert set(verbs.__all__) < set(package.__all__)


def test_a_type_checker_sees_what_a_star_imports() -> None:
    """They read `__all__` where it is a list of texts, and nowhere else (PEP 484)."""
    assert package.__file__
    tree = ast.parse(Path(package.__file__).read_text())
    (listed,) = [one.value for one in tree.body if isinstance(one, ast.Assign)]

    assert ast.literal_eval(listed) == package.__all__


async def test_the_settings_say_which_addresses_verbs_carry(tmp_path: Path) -> None:
    urls: dict[str, Any] = {
        "public_web_url": "https://app.example.com/",
        "public_audio_url": "wss://a.example.com",
    }

    made = addresses_of(load_settings(data_dir=tmp_path, **urls))

    assert made == Addresses(web="https://app.example.com", audio="wss://a.example.com")


@pytest.mark.parametrize("url", ["wss://app.example.com", "app.example.com", "https://a:b@c", ""])
def test_an_address_that_is_none_of_the_web_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="public_web_url"):
        load_settings(data_dir=tmp_path, public_web_url=url)
