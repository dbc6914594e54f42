"""How every command speaks: plain help with capital words for values, mistakes in a sentence.

__main__.py lets `plain` go over all commands once, lazily.py over those that come later.
"""

import re
from typing import Any

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from listen_server.faults import asked


def plain(command: Any) -> Any:
    """Return a command whose help has no boxes, and names the value of every option."""
    command.rich_markup_mode = None
    if command.help and not command.short_help:
        command.short_help = _first_sentence(command.help)
    for parameter in command.params:
        if parameter.metavar is None and not getattr(parameter, "is_flag", False):
            parameter.metavar = (parameter.name or "").rpartition("_")[2].upper()
        if parameter.param_type_name == "argument":
            parameter.display_type_rich = _nothing
    for inner in getattr(command, "commands", {}).values():
        plain(inner)
    return command


def usage_fault(error: TyperException) -> str:
    """Say what was wrong with a command line, and where its help is."""
    context = getattr(error, "ctx", None)
    where = f": `{context.command_path} --help` says what there is" if context else ""
    return f"{_sentence(error)}{where}"


def _sentence(error: TyperException) -> str:
    parameter, cause = getattr(error, "param", None), error.__cause__
    if isinstance(error, typer.BadParameter) and parameter and isinstance(cause, ValidationError):
        detail = cause.errors()[0]
        name = (parameter.opts or [parameter.metavar])[0]
        name = name if name.startswith("-") else parameter.metavar
        says = re.sub(r"^.* is not (one of .*)\.$", r"\1 is asked for", asked(detail))
        return f"{name} is {detail['input']!r}, but {says}"
    words = error.format_message().rstrip(".").replace("(Possible options:", "(did you mean")
    return words[:1].lower() + words[1:]


def _first_sentence(text: str) -> str:
    paragraph = text.strip().partition("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=[^.]\.) ", paragraph, maxsplit=1)[0]


def _nothing(*_: object, **__: object) -> str:
    return ""
