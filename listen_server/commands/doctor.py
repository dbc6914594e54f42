"""`listen-server doctor`: would a call get through? Ends with what to paste into jambonz."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from listen_server.app import App
from listen_server.checks import Finding, look_around, public_url
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.errors import ConfigError
from listen_server.settings import Settings, load_settings
from listen_server.simulator.handshake import Credential

PASSWORD: Final = "PASSWORD"  # noqa: S105 - it stands for one
_MARKS: Final = {
    "ok": "[green]ok  [/green]",
    "warn": "[yellow]look[/yellow]",
    "bad": "[red]BAD [/red]",
}


def doctor(
    *,
    config: ConfigFile = None,
    data_dir: DataDir = None,
    user: Annotated[str, typer.Option(help="Credential to try, and to print.")] = "",
    password: Annotated[str, typer.Option(help="Its password.", show_default=False)] = "",
) -> None:
    """Check settings, port, certificate, credentials, disk, clock, sinks and the public address.

    Ends with what to paste into jambonz. The exit status is 1 if something is bad.
    """
    console = Console(highlight=False, soft_wrap=True)
    auth = Credential(user, password)
    findings: list[Finding] = []

    def show(finding: Finding) -> None:
        findings.append(finding)
        console.print(f"{_MARKS[finding.level]}  {finding.sentence}")

    try:
        settings = load_settings(config, data_dir=data_dir)
        app = App(settings)
    except ConfigError as error:
        for fault in error.faults:
            show(Finding("bad", fault))
        raise typer.Exit(1) from None
    show(Finding("ok", f"settings are sound; {len(app.sinks)} sink(s): {', '.join(app.sinks)}"))
    for finding in look_around(app, settings, auth):
        show(finding)
    _print_for_jambonz(console, app, auth)
    if any(finding.level == "bad" for finding in findings):
        raise typer.Exit(1)


def _print_for_jambonz(console: Console, app: App, auth: Credential) -> None:
    console.print("\nFor a jambonz application, the verb:\n")
    verb: dict[str, Any] = {
        "verb": "listen",
        "url": public_url(app.settings),
        "mixType": "stereo",
        "actionHook": "/recorded",
    }
    ws_auth = _ws_auth(app, auth)
    if ws_auth:
        verb["wsAuth"] = ws_auth
    console.print(json.dumps(verb, indent=2), markup=False)
    for line in _recorder_lines(app.settings, ws_auth):
        console.print(line, markup=False)
    if ws_auth.get("password") == PASSWORD:
        console.print(
            f"\n{PASSWORD} stands for what `credentials add` showed; with --user and --password "
            "it is tried and filled in."
        )


def _ws_auth(app: App, auth: Credential) -> dict[str, str]:
    if auth.username:
        return {"username": auth.username, "password": auth.password}
    if app.admission.open:
        return {}
    return {"username": app.credentials.all()[-1].user, "password": PASSWORD}


def _recorder_lines(settings: Settings, ws_auth: dict[str, str]) -> Iterator[str]:
    """Yield what makes jambonz record all calls here, in its feature server's environment."""
    recorder = next((path for path in settings.routes if path.endswith("/record/{vendor}")), None)
    if recorder is None:
        return
    base = public_url(settings, recorder.removesuffix("/record/{vendor}") or "/").rstrip("/")
    yield "\nFor jambonz's own recorder (all calls), in the environment of its feature server:\n"
    yield f"JAMBONZ_RECORD_WS_BASE_URL={base}"
    yield f"JAMBONZ_RECORD_WS_USERNAME={ws_auth.get('username', 'anybody')}"
    yield f"JAMBONZ_RECORD_WS_PASSWORD={ws_auth.get('password', 'anything')}"
