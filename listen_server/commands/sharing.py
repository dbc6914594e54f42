"""Options that belong together, read in one place for the commands that have them in common."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any


def with_options_of(
    reading: Callable[..., Any], name: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the parameters of `reading` as options, and what it returns as `name`."""
    own = signature(reading).parameters

    def given(command: Callable[..., None]) -> Callable[..., None]:
        parameters: list[Parameter] = []
        for parameter in signature(command).parameters.values():
            parameters += own.values() if parameter.name == name else [parameter]

        @wraps(command)
        def whole(**options: Any) -> None:
            read = reading(**{option: options.pop(option) for option in own})
            command(**options, **{name: read})

        shown: Any = whole
        shown.__signature__ = Signature(parameters)
        return whole

    return given
