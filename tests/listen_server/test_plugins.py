"""Sinks by entry point: ours and a stranger's, and what can be wrong with them."""

import sys
from pathlib import Path
from typing import Any

import pytest
from plugin_package import install_plugin

from listen_server.errors import ConfigError
from listen_server.plugins import configure_sinks, installed_sinks
from listen_server.settings import load_settings
from listen_sinks.memory import Memory

SOURCE = """
from pydantic import BaseModel, ConfigDict, SecretStr
from listen_sinks.api import Sink, SinkPlugin

class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str
    retries: int = 3
    secret: SecretStr = SecretStr("")

class Pager(SinkPlugin):
    Config = Config
    queue_seconds = 3.0
    when_full = "fail"

    def sink(self, call):
        return Sink()

class Broken(Pager):
    def __init__(self, config, context):
        raise RuntimeError("no room in " + str(context.data_dir))

class NoPlugin:
    pass

def factory(config, context):
    return Pager(config, context)
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(tmp_path)

    def install_as(plugin_class: str, name: str = "pager", source: str = SOURCE) -> None:
        monkeypatch.delitem(sys.modules, f"{name}_sink", raising=False)
        install_plugin(tmp_path, name, source, plugin_class)

    return install_as


def configured(route: tuple[str, ...], **sinks: dict[str, Any]) -> Any:
    settings = load_settings(
        routes={"/listen": {"sinks": route}}, sinks=sinks, data_dir=Path("/kept")
    )
    return configure_sinks(settings)


def faults_of(*route: str, **sinks: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        configured(route, **sinks)
    return list(raised.value.faults)


def test_our_own_sinks_are_installed_like_anybodys() -> None:
    assert {"discard", "memory", "recording"} <= set(installed_sinks())


def test_a_strangers_sink_is_made_from_its_table(install: Any) -> None:
    install("Pager")

    made = configured(("pager",), pager={"url": "http://a", "timeout": 5})["pager"]

    assert made.plugin.config.url == "http://a"
    assert (made.plugin.context.name, made.plugin.context.data_dir) == ("pager", Path("/kept"))
    limits = made.limits
    assert (limits.queue_seconds, limits.when_full) == (3.0, "fail")  # the plugin's
    assert (limits.timeout, limits.finish_timeout) == (5.0, 300.0)  # the table's, everybody's


def test_two_sinks_can_be_of_one_kind() -> None:
    made = configured(
        ("long", "short"),
        long={"kind": "memory", "seconds": 100},
        short={"kind": "memory", "seconds": 1, "when_full": "fail"},
    )

    long, short = made["long"].plugin, made["short"].plugin
    assert isinstance(long, Memory)
    assert isinstance(short, Memory)
    assert (long.config.seconds, short.config.seconds) == (100, 1)
    assert (long.context.name, short.context.name) == ("long", "short")
    assert made["short"].limits.when_full == "fail"


def test_a_sink_that_only_has_a_table_is_made_too() -> None:
    assert list(configured(("memory",), extra={"kind": "discard"})) == ["memory", "extra"]


def test_a_sink_that_is_not_installed_is_told_with_what_may_be_meant() -> None:
    first, second, third = faults_of("recordings", "s3", "mine", mine={"kind": "memroy"})

    assert first == (
        "a sink 'recordings' is not installed: did you mean 'recording'? "
        "(`listen-server sinks` lists them)"
    )
    assert "a sink 's3' is not installed: installed are discard, memory, recording" in second
    assert "sink 'mine' of kind 'memroy' is not installed: did you mean 'memory'?" in third


def test_the_faults_of_all_sinks_are_told_together_under_their_names(install: Any) -> None:
    install("Pager")

    told = faults_of(
        "pager", "memory", pager={"retries": "hunter2", "urls": "x"}, memory={"secnods": 5}
    )

    assert told == [
        "`sinks.pager.url` is missing",
        "`sinks.pager.retries`: a whole number is asked for",
        "`sinks.pager.urls` is not a setting: did you mean `url`?",
        "`sinks.memory.secnods` is not a setting: did you mean `seconds`?",
    ]


def test_a_misspelt_setting_of_the_servers_own_is_known_in_a_sinks_table() -> None:
    (told,) = faults_of("memory", memory={"queue_second": 5})

    assert told == "`sinks.memory.queue_second` is not a setting: did you mean `queue_seconds`?"


def test_a_sink_without_settings_says_so_of_every_key() -> None:
    (told,) = faults_of("discard", discard={"colour": "red"})

    assert told.startswith("`sinks.discard.colour` is not a setting: remove it")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("x = (", "SyntaxError"),
        ("raise RuntimeError('at import')", "RuntimeError: at import"),
        ("", "AttributeError"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_told(install: Any, source: str, why: str) -> None:
    install("Pager", source=source)

    (told,) = faults_of("pager")

    assert told.startswith("sink 'pager' (pager_sink:Pager) cannot be imported: ")
    assert why in told


@pytest.mark.parametrize("name", ["NoPlugin", "factory"])
def test_what_is_no_plugin_is_told(install: Any, name: str) -> None:
    install(name)

    (told,) = faults_of("pager")

    assert told == f"sink 'pager': pager_sink:{name} is not a subclass of SinkPlugin"


def test_a_plugin_that_cannot_be_made_is_told(install: Any) -> None:
    install("Broken")

    (told,) = faults_of("pager", pager={"url": "http://a"})

    assert told == "sink 'pager' (Broken) cannot be made: RuntimeError: no room in /kept"


def test_nobody_can_pass_for_another_sink(
    install: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path / "other")
    install_plugin(tmp_path / "other", "memory", SOURCE, "Pager")

    with pytest.raises(ConfigError, match="two installed packages offer a sink 'memory'"):
        installed_sinks()
    del install


def test_a_sink_that_is_installed_twice_alike_is_one(tmp_path: Path, install: Any) -> None:
    install("Pager")
    copy = tmp_path / "pager_again-1.dist-info"
    copy.mkdir()
    (copy / "METADATA").write_text("Name: pager-again\nVersion: 1\n")
    entries = tmp_path / "pager-1.dist-info" / "entry_points.txt"
    (copy / "entry_points.txt").write_text(entries.read_text())

    assert installed_sinks()["pager"].value == "pager_sink:Pager"
