"""Options that several commands share, with their words."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings in TOML.", show_default=False),
]
DataDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where everything is kept (data).", show_default=False),
]
