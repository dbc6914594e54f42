"""Options that several commands share, with their words. Values are judged with the settings."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeAlias

import typer


def _path(text: str) -> Path:
    """Tell an empty word from the current directory, which `Path` takes it for."""
    if not text:
        raise typer.BadParameter("a path is asked for; the current directory is `.`")
    return Path(text)


ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings in TOML.", show_default=False),
]
DataDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        parser=_path,
        help="Where everything is kept (data).",
        show_default=False,
    ),
]
Host: TypeAlias = Annotated[
    str | None, typer.Option(help="Address for audio (127.0.0.1).", show_default=False)
]
Port: TypeAlias = Annotated[
    int | None, typer.Option(help="Port for audio (8080); 0 is any.", show_default=False)
]
AdminHost: TypeAlias = Annotated[
    str | None, typer.Option(help="Address for probes (127.0.0.1).", show_default=False)
]
AdminPort: TypeAlias = Annotated[
    int | None,
    typer.Option(help="Port for /livez, /readyz, /metrics (none).", show_default=False),
]
Open: TypeAlias = Annotated[
    bool, typer.Option("--open", help="Ask for no credential; on a loopback address only.")
]
Workers: TypeAlias = Annotated[
    int | None, typer.Option(metavar="N", help="Processes on the port (1).", show_default=False)
]
TlsCert: TypeAlias = Annotated[
    str | None, typer.Option(metavar="FILE", help="Certificate chain, PEM.", show_default=False)
]
TlsKey: TypeAlias = Annotated[
    str | None, typer.Option(metavar="FILE", help="Its private key, PEM.", show_default=False)
]
SinceOption: TypeAlias = Annotated[
    datetime | None,
    typer.Option(
        "--since", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only from then on, in UTC."
    ),
]
