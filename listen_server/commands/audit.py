"""`listen-server audit`: who read, changed and erased what, and whether it is as was written."""

import json
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Annotated, Final, get_args

import typer

from listen_server.commands.naming import ID, mailbox_of
from listen_server.commands.options import ConfigFile, DataDir, SinceOption
from listen_server.commands.voicemail import SinkName, TenantName, run, tenant_of
from listen_server.errors import ConfigError
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.audit import Head, SignedHead, Verb
from listen_sinks.voicemail.index.audit_check import AuditReport, check_audit
from listen_sinks.voicemail.index.audit_log import heads as heads_of
from listen_sinks.voicemail.index.audit_reading import AuditWanted, StoredEntry, read_audit

_TITLE: Final = ("at (UTC)", "action", "result", "who", "what")

audit = typer.Typer(
    name="audit", help="Read and check the audit log.", no_args_is_help=True, add_completion=False
)

Heads = Annotated[
    Path | None,
    typer.Option(
        "--heads", metavar="FILE", help="What `audit heads` printed once.", show_default=False
    ),
]


@audit.command("list")
def list_(
    *,
    tenant: TenantName = None,
    mailbox: Annotated[
        str | None, typer.Option(help="Only about this mailbox and its messages: id or number.")
    ] = None,
    action: Annotated[
        Verb | None,
        typer.Option(
            metavar="ACTION",
            help=f"Only what was done in this way: {', '.join(get_args(Verb))}.",
            show_default=False,
        ),
    ] = None,
    since: SinceOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line.")] = False,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List who did what, the newest last. Whether it is what was written, `verify` says."""
    moment = since.replace(tzinfo=UTC) if since else None

    async def work(store: Access) -> int:
        wanted = await _wanted(store, tenant, mailbox)
        one_line: Callable[[StoredEntry], str] = _json if as_json else _line
        count = 0
        query = AuditWanted(*wanted, action, moment)
        async for entry in read_audit(store.database, query):
            if not count and not as_json:
                typer.echo(_row(*_TITLE))
            typer.echo(one_line(entry))
            count += 1
        return count

    if not run(work, config, data_dir, sink):
        asked = (tenant, mailbox, action, since) != (None, None, None, None)
        typer.echo("no entry is like this" if asked else "the audit log has no entries", err=True)


@audit.command()
def verify(
    *,
    heads: Heads = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Check every entry, every chain, and the signature of its head, of all machines.

    With what `heads` printed once, also that nothing since then was put back to an older state. The
    exit status is 1 if something is not right.
    """
    known = _read_heads(heads) if heads else ()

    async def work(store: Access) -> AuditReport:
        keys = await store.audit.known_keys(store.database)
        return await check_audit(store.database, keys, known)

    report = run(work, config, data_dir, sink)
    for problem in report.problems:
        place = "" if problem.number is None else f", entry {problem.number}"
        typer.echo(f"chain {problem.chain}{place}: {problem.what}", err=True)
    count = (
        f"{report.entries} entries in {report.chains} chain(s), signed by {report.machines} key(s)"
    )
    if report.problems:
        typer.echo(f"{count}: {len(report.problems)} problem(s)", err=True)
        raise typer.Exit(1)
    typer.echo(f"{count}: all are as they were written")


@audit.command()
def heads(*, sink: SinkName = None, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Print where each chain ends now, for `verify --heads`. Keep it on another machine."""

    async def work(store: Access) -> tuple[SignedHead, ...]:
        return await heads_of(store.database)

    for signed in run(work, config, data_dir, sink):
        head = {"chain": signed.head.chain, "number": signed.head.number, "hash": signed.head.hash}
        typer.echo(json.dumps({**head, "key": signed.key, "signature": signed.signature.hex()}))


async def _wanted(
    store: Access, tenant: str | None, mailbox: str | None
) -> tuple[str | None, str | None]:
    """Return the ids that are meant. A mailbox that is erased is known by its id alone."""
    if mailbox is None:
        return (None if tenant is None else (await tenant_of(store, tenant)).id), None
    whose = None if tenant is None else await tenant_of(store, tenant)
    if ID.fullmatch(mailbox.upper()):
        return (whose.id if whose else None), mailbox.upper()
    whose = whose or await tenant_of(store, None)
    return whose.id, (await mailbox_of(store, whose, mailbox)).id


def _line(entry: StoredEntry) -> str:
    at = f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if (event := entry.event) is None:
        return _row(at, "?", "?", "?", f"not as it was written: chain {entry.chain}")
    return _row(at, event.verb, event.result, event.actor, event.subject or "")


def _row(at: str, verb: str, result: str, actor: str, subject: str) -> str:
    return f"{at:19}  {verb:8}  {result:7}  {actor:32}  {subject}".rstrip()


def _json(entry: StoredEntry) -> str:
    event = entry.event
    return json.dumps(
        {
            "at": entry.at.astimezone(UTC).isoformat(),
            "action": event and event.verb,
            "result": event and event.result,
            "actor": event and event.actor,
            "subject": event and event.subject,
            "chain": entry.chain,
            "number": entry.number,
            "hash": entry.hash,
        }
    )


def _read_heads(file: Path) -> tuple[SignedHead, ...]:
    """Read what `heads` printed. Raises ConfigError."""
    try:
        lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        return tuple(
            SignedHead(
                Head(str(one["chain"]), int(one["number"]), str(one["hash"])),
                bytes.fromhex(one["signature"]),
                str(one["key"]),
            )
            for one in lines
        )
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{file} is not what `listen-server audit heads` has printed") from error
