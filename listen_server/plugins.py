"""Sinks by entry point: found, configured, and told apart by name. app.py opens them."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from listen_server.errors import ConfigError
from listen_server.settings import Settings, SinkSettings
from listen_sinks.api import ENTRY_POINT_GROUP, SinkContext, SinkPlugin
from listen_sinks.buffered import Limits


@dataclass(frozen=True, slots=True)
class ConfiguredSink:
    """A plugin with its configuration, under the name that routes use."""

    name: str
    plugin: SinkPlugin
    limits: Limits


def installed_sinks() -> dict[str, EntryPoint]:
    """Return every sink that is installed, ours and others', by name."""
    return {entry.name: entry for entry in sorted(entry_points(group=ENTRY_POINT_GROUP))}


def configure_sinks(settings: Settings) -> Mapping[str, ConfiguredSink]:
    """Make every sink that the settings name. Raises ConfigError with every fault at once."""
    installed = installed_sinks()
    sinks: dict[str, ConfiguredSink] = {}
    faults: list[str] = []
    for name in settings.sink_names:
        try:
            sinks[name] = _configure(name, settings, installed)
        except ConfigError as error:
            faults.extend(error.faults)
    if faults:
        raise ConfigError(*faults)
    return sinks


def load_plugin(entry: EntryPoint) -> type[SinkPlugin]:
    """Import the class behind an entry point. Raises ConfigError if it is not a sink's."""
    try:
        loaded = entry.load()
    except Exception as error:
        raise ConfigError(
            f"sink {entry.name!r} ({entry.value}) cannot be imported: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, SinkPlugin)):
        raise ConfigError(f"sink {entry.name!r}: {entry.value} is not a subclass of SinkPlugin")
    return loaded


def _configure(
    name: str, settings: Settings, installed: Mapping[str, EntryPoint]
) -> ConfiguredSink:
    own = settings.sinks.get(name, SinkSettings())
    kind = own.kind or name
    if kind not in installed:
        raise ConfigError(_not_installed(name, kind, installed))
    plugin_class = load_plugin(installed[kind])
    config = _read_config(name, plugin_class, own.model_extra or {})
    plugin = plugin_class(config, SinkContext(name, settings.data_dir))
    return ConfiguredSink(name, plugin, _limits(own, plugin_class))


def _not_installed(name: str, kind: str, installed: Iterable[str]) -> str:
    close = difflib.get_close_matches(kind, installed, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"installed are {', '.join(installed)}"
    where = f"sink {name!r} of kind" if name != kind else "a sink"
    return f"{where} {kind!r} is not installed: {hint} (`listen-server sinks` lists them)"


def _read_config(name: str, plugin_class: type[SinkPlugin], values: Mapping[str, Any]) -> Any:
    try:
        return plugin_class.Config.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(
            *(
                f"`sinks.{name}.{'.'.join(map(str, detail['loc']))}`: {detail['msg']}"
                for detail in error.errors()
            )
        ) from None


def _limits(own: SinkSettings, plugin: type[SinkPlugin]) -> Limits:
    return Limits(
        queue_seconds=own.queue_seconds or plugin.queue_seconds,
        when_full=own.when_full or plugin.when_full,
        timeout=own.timeout or plugin.timeout,
        finish_timeout=own.finish_timeout or plugin.finish_timeout,
    )
