"""Key providers by entry point: ours and others', found by the name in the configuration."""

import importlib
import logging
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from listen_sinks.api import SinkError
from listen_sinks.voicemail.keys.provider import ENTRY_POINT_GROUP, KeyProvider


def installed_providers() -> dict[str, EntryPoint]:
    """Return every key provider that is installed, by name."""
    return {entry.name: entry for entry in sorted(entry_points(group=ENTRY_POINT_GROUP))}


def provider_class(kind: str) -> type[KeyProvider]:
    """Return the class behind a name; raises ValueError, naming those that there are."""
    installed = installed_providers()
    if kind not in installed:
        raise ValueError(
            f"key provider {kind!r} is not installed: there are {', '.join(installed)}"
        )
    try:
        loaded: type[KeyProvider] = installed[kind].load()
    except ImportError as error:
        raise ValueError(f"key provider {kind!r} cannot be imported: {error}") from error
    return loaded


def read_provider_config(kind: str, values: Mapping[str, Any]) -> BaseModel:
    """Read a provider's own keys; raises ValueError (pydantic's ValidationError is one)."""
    return provider_class(kind).Config.model_validate(dict(values))


def make_provider(kind: str, values: Mapping[str, Any], data_dir: Path) -> KeyProvider:
    """Make a provider from its name and its own keys. Raises ValueError.

    Looks through what is installed, on disk: not for the event loop.
    """
    return provider_class(kind)(read_provider_config(kind, values), data_dir)


def import_extra(module: str, extra: str) -> Any:
    """Import what an extra of this distribution brings. Raises SinkError if it is not installed.

    Slow for the large ones (a second for a cloud's SDK): call it in a thread.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise SinkError(
            f"keys: {error.name} is not installed: pip install 'listen-server[{extra}]'"
        ) from error


def keep_quiet(*loggers: str) -> None:
    """Let an SDK log no debug lines, whatever the program logs: they hold what is wrapped."""
    for name in loggers:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))
