"""`listen-server audit`: whether the log of who read, changed and erased is what was written."""

import typer

from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.voicemail import SinkName, run
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.audit_check import AuditReport, check_audit

audit = typer.Typer(
    name="audit", help="Check the audit log.", no_args_is_help=True, add_completion=False
)


@audit.callback()
def _audit() -> None:
    """Check the audit log."""


@audit.command()
def verify(*, sink: SinkName = None, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Check every entry, every chain, and the signature of its head.

    The exit status is 1 if one is not right.
    """

    async def work(store: Access) -> AuditReport:
        return await check_audit(store.database, store.audit.trusted)

    report = run(work, config, data_dir, sink)
    for problem in report.problems:
        place = "" if problem.number is None else f", entry {problem.number}"
        typer.echo(f"chain {problem.chain}{place}: {problem.what}", err=True)
    count = f"{report.entries} entries in {report.chains} chain(s)"
    if report.problems:
        typer.echo(f"{count}: {len(report.problems)} problem(s)", err=True)
        raise typer.Exit(1)
    typer.echo(f"{count}: all are as they were written")
