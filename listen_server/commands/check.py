"""`listen-server check-config` and `listen-server sinks`: what would run, without running it."""

import typer
from rich.console import Console
from rich.table import Table

from listen_server.app import App
from listen_server.commands.serving import Asked, of_server
from listen_server.errors import ConfigError
from listen_server.plugins import installed_sinks, load_plugin
from listen_sinks.api import SinkPlugin


@of_server
def check_config(*, asked: Asked) -> None:
    """Check the settings as `serve` would; say every fault with its fix, or what they come to.

    Writes nothing, and opens no sink: `doctor` does that.
    """
    settings = asked.settings()
    app = App(settings, make_data_dir=False)
    typer.echo(f"audio on {settings.host} port {settings.port}, kept in {settings.data_dir}")
    for pattern, route in settings.routes.items():
        typer.echo(f"{pattern} goes to {', '.join(route.sinks) or 'no sink'}")
    typer.echo("no credential is asked for" if app.admission.open else "credentials are asked for")


def sinks() -> None:
    """List the installed sinks, ours and others'."""
    table = Table("sink", "what it does", "from", box=None, pad_edge=False)
    for name, entry in installed_sinks().items():
        try:
            does = _first_line(load_plugin(entry))
        except ConfigError as error:
            does = str(error)
        table.add_row(name, does, entry.dist.name if entry.dist else entry.value)
    Console().print(table)


def _first_line(plugin: type[SinkPlugin]) -> str:
    return (plugin.__doc__ or "").strip().partition("\n")[0]
