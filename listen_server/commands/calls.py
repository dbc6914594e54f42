"""`listen-server calls`: which calls are on, and commands to them, over a server's own API."""

import json
import sys
from typing import Annotated, Any
from urllib.parse import quote

import httpx2
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from listen_server.commands.options import ConfigFile
from listen_server.errors import ConfigError
from listen_server.settings import Settings, load_settings

calls = typer.Typer(name="calls", help="Show calls that are on, and command them.")

Url = Annotated[
    str | None,
    typer.Option(help="Address of the server (that of the settings).", show_default=False),
]
User = Annotated[str, typer.Option(help="A credential with the scope api.", show_default=False)]
Password = Annotated[
    str,
    typer.Option(
        help="Its secret; better in the environment than here.",
        envvar="LISTEN_API_PASSWORD",
        show_default=False,
    ),
]
_PATIENCE = 45.0  # seconds: a command waits for a socket that has dropped, 30 s
_SID = 36  # characters of a callSid, which is there to be copied
_COLUMNS = ("call", "since", "application", "streams", "sinks", "application socket")
_WIDE = 200  # columns where nobody's terminal is


@calls.command("list")
def list_calls(
    *, url: Url = None, user: User = "", password: Password = "", config: ConfigFile = None
) -> None:
    """List the calls that are on."""
    answer = _ask("GET", _base(url, config), user, password)
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(_COLUMNS):
        table.add_column(column, no_wrap=number == 0, min_width=_SID if number == 0 else None)
    for call in answer["calls"]:
        sinks = {sink: None for stream in call["streams"] for sink in stream["sinks"]}
        application = call.get("application") or {}  # an older server tells none
        began = [one["started_at"] for one in (call, application) if one.get("started_at")]
        since = min(began, default="")[:19].replace("T", " ")
        socket = "yes" if call["application_socket"] else "no"
        sid = "".join(one if one.isprintable() else "?" for one in call["call_sid"])
        name, streams = application.get("name", ""), str(len(call["streams"]))
        table.add_row(Text(sid), since, Text(name), streams, ", ".join(sinks), socket)
    if answer["calls"]:
        wide = None if sys.stdout.isatty() else _WIDE
        Console(highlight=False, width=wide).print(table)
    else:
        typer.echo("no call is on", err=True)
    if missing := answer.get("unanswered_workers"):
        typer.echo(f"{missing} worker(s) did not answer: their calls are not shown", err=True)


@calls.command("command")
def command(
    call_sid: Annotated[str, typer.Argument(help="The call, as `list` shows it.")],
    name: Annotated[str, typer.Argument(help="The command, such as listen:status.")],
    data: Annotated[
        str, typer.Argument(help="Its data in JSON, or WORD for commands with one status.")
    ],
    *,
    queue: Annotated[bool, typer.Option("--queue", help="After earlier commands.")] = False,
    url: Url = None,
    user: User = "",
    password: Password = "",
    config: ConfigFile = None,
) -> None:
    """Command a call: calls command SID listen:status pause."""
    body = {"command": name, "data": _data(name, data), "queueCommand": queue}
    path = f"{_base(url, config)}/{quote(call_sid, safe='')}/commands"
    answer = _ask("POST", path, user, password, body)
    for error in answer["errors"]:
        typer.echo(f"jambonz: {error}", err=True)
    if unchecked := answer.get("not_checked"):
        typer.echo(f"not checked here: {', '.join(unchecked)}", err=True)
    typer.echo(f"written, by {_WAYS[answer['way']]}")
    if answer["errors"]:
        raise typer.Exit(1)


_WAYS = {"socket": "the application's socket", "rest": "jambonz's REST API"}


def _data(name: str, text: str) -> Any:
    """Read JSON; a bare word is the status that the command is named for."""
    try:
        return json.loads(text)
    except ValueError:
        if name.endswith((":status", "-status")):
            return {name.replace("stream:", "listen:").replace(":", "_").replace("-", "_"): text}
        raise ConfigError(
            "the data of this command must be JSON, such as '{\"whisper\": [...]}'"
        ) from None


def _base(url: str | None, config: Any) -> str:
    return f"{(url or _address(load_settings(config))).rstrip('/')}/api/v1/calls"


def _address(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if settings.host in ("0.0.0.0", "::"):  # noqa: S104 - what it listens on, not what is asked
        host = "127.0.0.1"
    return f"http{'s' if settings.tls_cert else ''}://{host}:{settings.port}"


def _ask(method: str, url: str, user: str, password: str, body: Any = None) -> Any:
    credential = (user, password) if user else None
    server = url.partition("/api/")[0]
    try:
        answer = httpx2.request(
            method, url, json=body, auth=credential, timeout=_PATIENCE, trust_env=False
        )
    except httpx2.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise ConfigError(
            f"no server answers at {server} ({reason}): start it, or give its address with --url"
        ) from None
    try:
        told = answer.json()
    except ValueError:
        raise ConfigError(f"{server} is no listen-server") from None
    if answer.is_error:
        says = told.get("error", "") if isinstance(told, dict) else ""
        raise ConfigError(f"the server refused ({answer.status_code}): {says}")
    return told
