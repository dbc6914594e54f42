"""Where settings stand: the command line before the environment before a TOML file.

The only room that reads the environment. settings.py asks it, and judges the values.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from listen_server.errors import ConfigError
from listen_server.faults import meant
from listen_server.values import Word

PREFIX: Final = "LISTEN_"
_NEARLY: Final = 0.75  # alike, for a variable to be a setting misspelt: others use the prefix too


class Sources:
    """Command line, environment and file, and what stands where."""

    def __init__(
        self,
        settings_class: type[BaseSettings],
        file: Path | None,
        command_line: Mapping[str, object],
    ) -> None:
        named = os.environ.get(f"{PREFIX}CONFIG")
        self._file = file or (Path(named) if named else None)
        self._in_file = _read_toml(self._file) if self._file else {}
        environment = _Environment(settings_class)
        self._in_environment = environment()
        self._given = {name: value for name, value in command_line.items() if value is not None}
        self.faults = [*_misspelt_variables(settings_class), *environment.faults]
        """What is wrong with the environment, before any value is looked at."""

    def merged(self) -> dict[str, Any]:
        """Return what to take."""
        return _merge(_merge(self._in_file, self._in_environment), self._given)

    def place(self, path: Sequence[str]) -> str:
        """Say where a setting stands; empty if nowhere."""
        if _has(self._given, path):
            return f"on the command line: --{path[0].replace('_', '-')}"
        if _has(self._in_environment, path):
            names = {"__".join((PREFIX + path[0], *path[1:])).upper(), PREFIX + path[0].upper()}
            there = [name for name in os.environ if name.upper() in names]
            return f"in {max(there, key=len, default='the environment')}"
        return f"in {self._file}" if _has(self._in_file, path) else ""


def without(values: Mapping[str, Any], paths: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Return values but for those that paths lead to, or lead through."""
    left = dict(values)
    for path in [_known_part(values, path) for path in paths]:
        left = _drop(left, path)
    return left


def _known_part(values: Mapping[str, Any], path: Sequence[str]) -> Sequence[str]:
    """Return as much of a path as leads through tables."""
    inner = values.get(path[0])
    if isinstance(inner, Mapping) and len(path) > 1 and path[1] in inner:
        return [path[0], *_known_part(inner, path[1:])]
    return path[:1]


def _drop(values: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    name, *rest = path
    if rest and name in values:
        return {**values, name: _drop(values[name], rest)}
    return {other: value for other, value in values.items() if other != name}


class _Environment(EnvSettingsSource):
    """The environment: words that may stand for numbers, and JSON for tables."""

    def __init__(self, settings_class: type[BaseSettings]) -> None:
        super().__init__(settings_class)
        self.faults: list[str] = []

    def __call__(self) -> dict[str, Any]:
        """Return what is set there."""
        return {name: _as_words(value) for name, value in super().__call__().items()}

    def prepare_field_value(
        self,
        field_name: str,
        field: FieldInfo,
        value: Any,
        value_is_complex: bool,  # noqa: FBT001 - the one it overrides has it so
    ) -> Any:
        """Read a value as JSON where its setting is no plain one."""
        try:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        except json.JSONDecodeError as error:
            if get_origin(field.annotation) is not Mapping:
                return value  # a list may be written with commas
            where = f"{error.msg} at character {error.pos + 1}"
            self.faults.append(f"{PREFIX}{field_name.upper()} is a table, so JSON, but: {where}")
            return None


def _as_words(value: Any) -> Any:
    match value:
        case str():
            return Word(value)
        case Mapping():
            return {name: _as_words(inner) for name, inner in value.items()}
        case _:
            return value


def _has(values: Any, path: Sequence[str]) -> bool:
    """Tell whether a source says something of a setting, or of a table in its way."""
    if not path or not isinstance(values, Mapping):
        return True
    return path[0] in values and _has(values[path[0]], path[1:])


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**below, **above}
    for name in below.keys() & above.keys():
        if isinstance(below[name], Mapping) and isinstance(above[name], Mapping):
            merged[name] = _merge(below[name], above[name])
    return merged


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read {file} ({os.strerror(error.errno or 0)}): name another with --config"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None


def _misspelt_variables(settings_class: type[BaseSettings]) -> Iterator[str]:
    known = [name.upper() for name in (*settings_class.model_fields, "config")]
    for variable in sorted(os.environ):
        name = variable.upper().removeprefix(PREFIX).partition("__")[0]
        if not variable.upper().startswith(PREFIX) or name in known:
            continue
        if hint := meant(name, known, alike=_NEARLY, prefix=PREFIX):
            yield f"`{variable}` in the environment is not a setting: {hint}"
