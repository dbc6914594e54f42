"""Groups of commands that are imported when somebody asks for them: what they need is large."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from listen_server.commands.manner import plain


def lazily(name: str, says: str) -> typer.Typer:
    """Return the group of commands that `commands/NAME.py` has under its own name."""

    class Group(TyperGroup):
        """Asks the module for its commands."""

        def list_commands(self, ctx: Any) -> list[str]:
            return _loaded(name).list_commands(ctx)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            found = _loaded(name).get_command(ctx, cmd_name)
            return found and plain(found)

    return typer.Typer(name=name, help=says, cls=Group, no_args_is_help=True, add_completion=False)


def _loaded(name: str) -> TyperGroup:
    module = import_module(f"listen_server.commands.{name}")
    return get_group(getattr(module, name))
