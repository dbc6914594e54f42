"""The command line: `listen-server COMMAND`. Each command lives in commands/ or simulator/."""

# ruff: noqa: E402 - a signal may come while the rest is imported
from listen_server import early_stop

early_stop.install()

import sys

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from listen_server import __version__
from listen_server.commands.lazily import commands, lazily
from listen_server.commands.manner import plain, usage_fault
from listen_server.errors import ConfigError

INTERRUPTED = 130  # exit status of what Ctrl-C, or no answer to a question, has ended
USAGE_ERROR = 2  # exit status for what the operator must change, as typer's own faults have

_COMMANDS = {
    "serve": "commands.serve:serve",
    "demo": "commands.demo:demo",
    "call": "simulator.cli:call",
    "doctor": "commands.doctor:doctor",
    "transcribe": "commands.transcribe:transcribe",
    "check-config": "commands.check:check_config",
    "sinks": "commands.check:sinks",
    "schema": "commands.schema:schema",
}

app = typer.Typer(
    name="listen-server",
    cls=commands(_COMMANDS),
    help="Receive the audio that jambonz forks out of phone calls.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(lazily("credentials", "Say who may stream."))
app.add_typer(lazily("mailboxes", "Say whose messages there are."))
app.add_typer(lazily("messages", "List, play, check and erase messages."))
app.add_typer(lazily("keys", "Make, rotate and check keys."))
app.add_typer(lazily("audit", "Read and check the audit log."))
app.add_typer(lazily("simulate", "Play jambonz's part against an application."))
app.add_typer(lazily("events", "List what webhooks and mails tell of, and deliver it again."))
app.add_typer(lazily("calls", "Show calls that are on, and command them."))


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    *,
    version: bool = typer.Option(
        False,  # noqa: FBT003 - typer's own form
        "--version",
        callback=_print_version,
        is_eager=True,
        help="Print the version.",
    ),
) -> None:
    """Receive the audio that jambonz forks out of phone calls."""
    del version


def main() -> None:
    """Run a command; what the operator must change is told in sentences, not in a traceback."""
    try:
        status = plain(get_command(app))(standalone_mode=False)
    except ConfigError as error:
        for fault in error.faults:
            typer.echo(f"listen-server: {fault}", err=True)
        sys.exit(USAGE_ERROR)
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("listen-server: stopped", err=True)
        sys.exit(INTERRUPTED)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its words are the help
            typer.echo(error.format_message(), err=True)
        else:
            typer.echo(f"listen-server: {usage_fault(error)}", err=True)
        sys.exit(error.exit_code)
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
