"""Sinks by entry point: found, configured, and told apart by name. app.py opens them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from listen_server.contradictions import Contradiction
from listen_server.errors import ConfigError
from listen_server.faults import Place, meant, nowhere, told
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
    """Return every sink that is installed, ours and others', by name.

    Raises ConfigError where two packages offer the same name: neither may pass for the other.
    """
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP)):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise ConfigError(
                f"two installed packages offer a sink {entry.name!r} ({other.value} and "
                f"{entry.value}): uninstall one"
            )
    return found


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


def sink_faults(settings: Settings, place: Place = nowhere) -> Iterator[Contradiction]:
    """Yield what is wrong with the sinks that the settings name, without making any.

    Raises ConfigError where two packages offer the same name.
    """
    installed = installed_sinks()
    for name in settings.sink_names:
        try:
            _plan(name, settings, installed, place)
        except ConfigError as error:
            for fault in error.faults:
                yield {"sinks", f"sinks.{name}.kind"}, fault


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
    own, plugin_class, config = _plan(name, settings, installed)
    try:
        plugin = plugin_class(config, SinkContext(name, settings.data_dir))
    except Exception as error:
        raise ConfigError(
            f"sink {name!r} ({plugin_class.__name__}) cannot be made: "
            f"{type(error).__name__}: {error}"
        ) from error
    return ConfiguredSink(name, plugin, _limits(own, plugin_class))


def _plan(
    name: str, settings: Settings, installed: Mapping[str, EntryPoint], place: Place = nowhere
) -> tuple[SinkSettings, type[SinkPlugin], Any]:
    """Return the settings around a sink, its class, and its own settings."""
    own = settings.sinks.get(name, SinkSettings())
    kind = own.kind or name
    if kind not in installed:
        raise ConfigError(_not_installed(name, kind, installed))
    plugin_class = load_plugin(installed[kind])
    return own, plugin_class, _read_config(name, plugin_class, own.model_extra or {}, place)


def _not_installed(name: str, kind: str, installed: Iterable[str]) -> str:
    hint = meant(kind, installed, quote="'") or f"installed are {', '.join(installed)}"
    where = f"sink {name!r} of kind" if name != kind else "a sink"
    return f"{where} {kind!r} is not installed: {hint} (`listen-server sinks` lists them)"


def _read_config(
    name: str, plugin_class: type[SinkPlugin], values: Mapping[str, Any], place: Place
) -> Any:
    try:
        return plugin_class.Config.model_validate(dict(values))
    except ValidationError as error:
        known = [*plugin_class.Config.model_fields, *SinkSettings.model_fields]
        raise ConfigError(
            *(
                told(detail, known=known, place=place, under=("sinks", name))
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
