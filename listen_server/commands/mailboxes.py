"""`listen-server mailboxes`: whose messages there are, under which numbers, by which rules."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError
from ulid import ULID

from listen_server.admission import OPEN_TENANT
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.rotating import prove_root
from listen_server.commands.voicemail import (
    ACTOR,
    SinkName,
    TenantName,
    console,
    run,
    table,
    tenant_of,
)
from listen_server.errors import ConfigError
from listen_server.faults import meant
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.errors import UnknownMailbox
from listen_sinks.voicemail.index.mailboxes import (
    add_mailbox,
    change_mailbox,
    find_mailbox,
    get_mailbox,
    list_mailboxes,
)
from listen_sinks.voicemail.index.records import Mailbox, Tenant
from listen_sinks.voicemail.index.tenants import ensure_tenant
from listen_sinks.voicemail.index.usage import count_messages
from listen_sinks.voicemail.keys import create_key
from listen_sinks.voicemail.policies import MailboxSettings, read_settings

TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,22}")  # as credentials have it

mailboxes = typer.Typer(
    name="mailboxes",
    help="Say whose messages there are.",
    no_args_is_help=True,
    add_completion=False,
)

Rules = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help=f"A rule: {', '.join(MailboxSettings.model_fields)}. Repeatable; no value: no rule.",
    ),
]
Numbers = Annotated[list[str], typer.Option(metavar="NUMBER", help="Repeatable.")]
CatchAll = Annotated[
    bool, typer.Option("--catch-all", help="Take the calls that no other mailbox is named for.")
]


@mailboxes.command()
def add(
    numbers: Annotated[
        list[str] | None, typer.Argument(metavar="NUMBER", help="Numbers or names it has.")
    ] = None,
    *,
    tenant: Annotated[
        str | None, typer.Option(help="Whose it is, as the credential says; made if it is new.")
    ] = None,
    catch_all: CatchAll = False,
    rules: Rules = [],  # noqa: B006 - typer copies it
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Make a mailbox, and print its id. A running server knows it within seconds.

    A tenant's first mailbox takes every call that no other is named for.
    """
    if tenant is not None and not TENANT.fullmatch(tenant):
        raise ConfigError("a tenant is a word of a-z, 0-9 and -, as in its credential")

    async def work(store: Access) -> Mailbox:
        settings = _settings(rules)
        provider = await store.root.provider()
        await prove_root(store)
        name = tenant or await _only_tenant(store)
        owner = await ensure_tenant(store.database, name)
        hashes = [store.numbers(owner).mailbox(number) for number in numbers or ()]
        key = await create_key(provider, str(ULID()))
        made = await add_mailbox(
            store.database, name, key, addresses=hashes, catch_all=catch_all, settings=settings
        )
        await store.audit.note(store.database, AuditEvent("change", ACTOR, made.id))
        return made

    typer.echo(run(work, config, data_dir, sink).id)


@mailboxes.command("list")
def list_(
    *,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List the mailboxes. Their numbers are kept as keyed hashes, and cannot be listed."""

    async def work(store: Access) -> list[tuple[Mailbox, Mapping[Any, int]]]:
        wanted = [one.id for one in await store.tenants() if tenant in (None, one.id)]
        return [
            (box, await count_messages(store.database, owner, box.id))
            for owner in wanted
            for box in await list_mailboxes(store.database, owner)
        ]

    shown = table(*("mailbox", "tenant", "numbers", "new", "kept", "deleted", "key", "rules"))
    for box, counts in run(work, config, data_dir, sink):
        kept = counts["new"] + counts["heard"] + counts["saved"]
        shown.add_row(
            *(box.id, box.tenant, str(box.addresses)),
            *(str(counts["new"]), str(kept), str(counts["deleted"]), f"v{box.key_version}"),
            _rules(box),
        )
    console().print(shown)


@mailboxes.command("set")
def set_(  # noqa: PLR0913 - every parameter is an option of the command
    mailbox: Annotated[str, typer.Argument(help="Its id, or one of its numbers.")],
    *,
    add_number: Numbers = [],  # noqa: B006 - typer copies it
    remove_number: Numbers = [],  # noqa: B006 - typer copies it
    catch_all: CatchAll = False,
    rules: Rules = [],  # noqa: B006 - typer copies it
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Change a mailbox: its numbers, its rules, whether it takes all calls."""

    async def work(store: Access) -> Mailbox:
        settings = _settings(rules)
        owner = await tenant_of(store, tenant)
        found = await mailbox_of(store, owner, mailbox)
        numbers = store.numbers(owner)
        changed = await change_mailbox(
            store.database,
            owner.id,
            found.id,
            settings=settings,
            add_addresses=[numbers.mailbox(number) for number in add_number],
            remove_addresses=[numbers.mailbox(number) for number in remove_number],
            catch_all=catch_all,
        )
        await store.audit.note(store.database, AuditEvent("change", ACTOR, found.id))
        return changed

    changed = run(work, config, data_dir, sink)
    typer.echo(f"{changed.id}: {changed.addresses} number(s), {_rules(changed)}")


async def mailbox_of(store: Access, tenant: Tenant, name: str) -> Mailbox:
    """Find a mailbox by its id or by a number. Raises UnknownMailbox, which does not repeat it."""
    if found := await find_mailbox(store.database, tenant.id, store.numbers(tenant).mailbox(name)):
        return found
    try:
        return await get_mailbox(store.database, tenant.id, name.upper())
    except UnknownMailbox:
        raise UnknownMailbox(
            f"tenant {tenant.id} has no mailbox with this id or number: "
            "`listen-server mailboxes list` shows the ids"
        ) from None


async def _only_tenant(store: Access) -> str:
    """Return the one tenant that there is; where there is none, that of servers without doors."""
    return (await tenant_of(store, None)).id if await store.tenants() else OPEN_TENANT


def _settings(rules: Sequence[str]) -> dict[str, Any]:
    """Read `NAME=VALUE`; no value is None. Raises ConfigError with every fault."""
    values = dict(_split(rule) for rule in rules)
    known = MailboxSettings.model_fields
    choice = f"choose of {', '.join(known)}"
    faults = [
        f"there is no rule {name!r}: {meant(name, known) or choice}"
        for name in values
        if name not in known
    ]
    given = {name: value for name, value in values.items() if value is not None and name in known}
    try:
        read = read_settings(given)
    except ValidationError as error:
        faults += [f"rule {fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
    if faults:
        raise ConfigError(*faults)
    return {name: None if value is None else getattr(read, name) for name, value in values.items()}


def _split(rule: str) -> tuple[str, str | None]:
    name, _, value = rule.partition("=")
    return name.strip().replace("-", "_"), value.strip() or None


def _rules(box: Mailbox) -> str:
    said = ["takes every call"] if box.catch_all else []
    said += ["legal hold"] if box.legal_hold else []
    said += [f"{name}={value}" for name, value in box.settings.items()]
    return ", ".join(said) or "no rules of its own"
