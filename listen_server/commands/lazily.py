"""Commands that are imported when somebody asks for them: what they need is large."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from listen_server.commands.manner import plain


def commands(places: Mapping[str, str]) -> type[TyperGroup]:
    """Return a group with a command for each name, whose place is `module:function`.

    The groups that are added to it come after them in its help.
    """

    class Commands(TyperGroup):
        """Imports a command with its name, and all of them for a name that there is not."""

        def list_commands(self, ctx: Any) -> list[str]:
            del ctx
            return list(dict.fromkeys([*places, *self.commands]))

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            known = cmd_name in self.list_commands(ctx)
            for name in [cmd_name] if known else places:  # all: one of them may be suggested
                if name not in self.commands:
                    self.commands[name] = _alone(name, places[name])
            return self.commands.get(cmd_name)

    return Commands


def _alone(name: str, place: str) -> Any:
    module, _, function = place.partition(":")
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name)(getattr(import_module(f"listen_server.{module}"), function))
    return plain(get_command(alone))


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
