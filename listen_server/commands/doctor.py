"""`listen-server doctor`: would a call get through? Ends with what to paste into jambonz."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from listen_server.app import App
from listen_server.checks import Finding, look_around
from listen_server.commands.serving import Asked, of_server
from listen_server.credentials import Scope
from listen_server.errors import ConfigError
from listen_server.pasting import PASSWORD, newest_credential, recorder_lines, verb, verb_path
from listen_server.simulator.handshake import Credential

if TYPE_CHECKING:
    from listen_server.commands.doctor_addresses import Entrance

_MARKS: Final = {
    "ok": "[green]ok  [/green]",
    "warn": "[yellow]look[/yellow]",
    "bad": "[red]BAD [/red]",
}


@of_server
def doctor(
    *,
    asked: Asked,
    user: Annotated[str, typer.Option(help="Credential to try, and to print.")] = "",
    password: Annotated[
        str, typer.Option(help="Its password; asked for on a terminal.", show_default=False)
    ] = "",
    ca_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Trust the CAs of this PEM file, and no others."),
    ] = None,
) -> None:
    """Check settings, port, certificate, credentials, disk, clock, sinks and the public address.

    Takes the options of `serve`. Ends with what to paste into jambonz, but for what would not
    work. If something is bad, the exit status is 1.
    """
    if not _examine(asked, _credential(user, password), ca_file):
        raise typer.Exit(1)


def _examine(asked: Asked, auth: Credential | None, ca_file: Path | None) -> bool:
    """Say everything; tell whether nothing was bad."""
    # What knows applications and voicemail takes its time to import: nobody else waits for it.
    from listen_server.commands.doctor_addresses import Look, entrances  # noqa: PLC0415 - see above
    from listen_server.commands.doctor_voicemail import (  # noqa: PLC0415 - see above
        voicemail,
        voicemail_findings,
    )
    from listen_server.commands.doctor_webhooks import (  # noqa: PLC0415 - see above
        webhook_findings,
    )

    doctoring = _Doctoring(Console(highlight=False, soft_wrap=True))
    try:
        app = App(asked.settings())
    except ConfigError as error:
        doctoring.show(Finding("bad", fault) for fault in error.faults)
        return False
    names = ", ".join(app.sinks)
    doctoring.show([Finding("ok", f"settings are sound; {len(app.sinks)} sink(s): {names}")])
    doctoring.show(look_around(app, auth, ca_file))
    streams = not doctoring.bad
    look = Look(app, auth, ca_file)
    found = [*entrances(look), *voicemail(look)]
    doctoring.show(finding for one in found for finding in one.findings)
    doctoring.show(voicemail_findings(look))
    doctoring.show(webhook_findings(app.settings))
    doctoring.end(app, auth, found, streams=streams)
    return not doctoring.bad


def _credential(user: str, password: str) -> Credential | None:
    if password and not user:
        raise ConfigError("--password is of a credential: name it with --user")
    if not user:
        return None
    if not password and sys.stdin.isatty():
        password = typer.prompt(f"password of {user}", hide_input=True, err=True)
    return Credential(user, password or PASSWORD)


class _Doctoring:
    """What is said, and whether any of it was bad."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.bad = 0

    def show(self, findings: Iterable[Finding]) -> None:
        """Say what was found, as soon as it is."""
        for finding in findings:
            self.bad += finding.level == "bad"
            self._console.print(_MARKS[finding.level], end="  ")
            self._say(finding.sentence)

    def end(
        self, app: App, auth: Credential | None, found: Iterable["Entrance"], *, streams: bool
    ) -> None:
        """Say what to paste of what would work; `streams` says whether they would."""
        sound = [one for one in found if not any(f.level == "bad" for f in one.findings)]
        if streams:
            self._streams(app, auth)
        for one in sound:
            self._enter(one)
        if streams and not app.admission.open and (auth is None or auth.password == PASSWORD):
            self._say(
                f"\n{PASSWORD} stands for what `credentials add` showed; with --user and "
                "--password it is tried and filled in."
            )
        if self.bad:
            says = (
                "Mend what is BAD" if streams or sound else "Nothing to paste yet: mend what is BAD"
            )
            self._say(f"\n{says}, then ask again.")

    def _streams(self, app: App, auth: Credential | None) -> None:
        """Say what sends streams here: a verb, and jambonz's own recorder."""
        if verb_path(app.settings) is not None and self._may(app, auth, "listen"):
            self._say("\nFor a jambonz application, the verb:\n")
            self._say(json.dumps(verb(app.settings, _to_show(app, auth, "listen")), indent=2))
        lines = list(recorder_lines(app.settings, _to_show(app, auth, "record")))
        if lines and self._may(app, auth, "record"):
            self._say(
                "\nFor jambonz's own recorder (all calls), in the environment of its feature "
                "server:\n"
            )
            self._say("\n".join(lines))

    def _enter(self, one: "Entrance") -> None:
        """Say where an application is, by either transport."""
        self._say(
            f"\nFor {one.name}, the calling webhook and the call status webhook, over HTTP:\n\n"
            f"{one.web}\n{one.status}\n\nor both over the websocket:\n\n{one.socket}\n\n"
            f"with {one.authentication}."
        )

    def _may(self, app: App, auth: Credential | None, scope: Scope) -> bool:
        """Tell whether the credential to show is of a scope, and say so if not."""
        shown = _to_show(app, auth, scope)
        if app.admission.open or (shown and scope in _scopes(app, shown)):
            return True
        whose = f"{auth.username} is not" if auth else "No credential is"
        add = f"`listen-server credentials add TENANT --scope {scope}`"
        self._say(f"\n{whose} of the scope {scope}, which the other routes ask for: {add}")
        return False

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False)


def _to_show(app: App, auth: Credential | None, scope: Scope) -> Credential | None:
    if app.admission.open:
        return None
    return auth or newest_credential(app.credentials, scope)


def _scopes(app: App, auth: Credential) -> Sequence[Scope]:
    return next(one.scopes for one in app.credentials.all() if one.user == auth.username)
