"""Engines by entry point: ours and others', found by the name in the configuration.

api.py is what each of them is.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from listen_sinks.api import SinkContext
from listen_sinks.transcript.api import ENTRY_POINT_GROUP, TranscriberPlugin

INSTALL: Final[Mapping[str, str]] = {
    "google": "pip install listen-server",
    "null": "pip install listen-server",
    "pocketsphinx": "pip install 'listen-server[offline]'",
}
"""How to get the engines of this project, where one is not installed."""


def installed_engines() -> dict[str, EntryPoint]:
    """Return every engine that is installed, by name."""
    return {entry.name: entry for entry in sorted(entry_points(group=ENTRY_POINT_GROUP))}


def engine_class(name: str) -> type[TranscriberPlugin]:
    """Return the class behind a name. Raises ValueError, with what to install."""
    installed = installed_engines()
    if name not in installed:
        raise ValueError(_not_installed(name, installed))
    try:
        loaded = installed[name].load()
    except ImportError as error:
        missing = f"{error.name} is missing" if error.name else str(error)
        raise ValueError(f"engine {name!r} cannot be used: {missing} ({_get(name)})") from error
    if not (isinstance(loaded, type) and issubclass(loaded, TranscriberPlugin)):
        raise ValueError(  # noqa: TRY004 - pydantic tells ValueErrors, and the operator has no types
            f"engine {name!r}: {installed[name].value} is not a subclass of TranscriberPlugin"
        )
    return loaded


def read_engine_config(name: str, options: Mapping[str, Any]) -> BaseModel:
    """Read an engine's own options. Raises ValueError, with a sentence for each that is wrong."""
    model = engine_class(name).Config
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        wrong = "; ".join(_told(detail, model, name) for detail in error.errors())
        raise ValueError(wrong) from None


def make_transcriber(
    name: str, options: Mapping[str, Any], context: SinkContext
) -> TranscriberPlugin:
    """Make an engine's plugin from its name and its own options. Raises ValueError, SinkError.

    Looks through what is installed, on disk: not for the event loop.
    """
    return engine_class(name)(read_engine_config(name, options), context)


def _told(detail: ErrorDetails, model: type[BaseModel], engine: str) -> str:
    """Say what is wrong with an option, without its value: that may be a secret."""
    option = ".".join(map(str, detail["loc"])) or "options"
    if detail["type"] != "extra_forbidden":
        return f"option `{option}` of the engine {engine!r}: {detail['msg']}"
    near = get_close_matches(option, model.model_fields, n=1)
    hint = f"did you mean `{near[0]}`?" if near else "remove it"
    return f"`{option}` is not an option of the engine {engine!r}: {hint}"


def _not_installed(name: str, installed: Mapping[str, EntryPoint]) -> str:
    near = get_close_matches(name, installed, n=1)
    hint = f"did you mean {near[0]!r}?" if near else _get(name)
    return f"engine {name!r} is not installed: {hint} (there are {', '.join(installed) or 'none'})"


def _get(name: str) -> str:
    return INSTALL.get(name, "install the package that brings it")
