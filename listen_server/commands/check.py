"""`listen-server check-config` and `listen-server sinks`: what would run, without running it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from listen_server.app import App
from listen_server.commands.serving import Asked, of_server
from listen_server.errors import ConfigError
from listen_server.plugins import installed_sinks, load_plugin
from listen_server.settings import Settings
from listen_server.voicemail.config import stream_route
from listen_sinks.api import SinkPlugin
from listen_sinks.webhook.events import TYPES


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
    for line in _also(settings):
        typer.echo(line)
    typer.echo("no credential is asked for" if app.admission.open else "credentials are asked for")


def _also(settings: Settings) -> Iterator[str]:
    """Say what there is beside the routes: applications, voicemail, webhooks, mail."""
    for path, wanted in settings.applications.items():
        yield f"{path} is the application {wanted.application}, of tenant {wanted.tenant}"
    voicemail, mail = settings.voicemail, settings.mail
    if stream_route(voicemail, settings.routes) is not None:
        fetched = f"{voicemail.path}/owner" if voicemail.retrieval else "nowhere"
        yield f"voicemail is left on {voicemail.path}, and fetched on {fetched}"
    for name, webhook in settings.webhooks.items():
        which = "every event" if set(webhook.events) == set(TYPES) else ", ".join(webhook.events)
        yield f"webhook {name} at {urlsplit(webhook.url).hostname} is told of {which}"
    if mail is not None:
        user = f", as {mail.user}" if mail.user else ""
        yield f"mail goes to {mail.host} port {mail.port}{user}, from {mail.sender}"


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
