"""`listen-server mailboxes`: whose messages there are, under which numbers, by which rules.

mailbox_rules.py reads the rules, mailbox_owner.py PIN, profile and greetings, mailbox_showing.py
tells of them.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from ulid import ULID

from listen_server.admission import OPEN_TENANT
from listen_server.commands.mailbox_owner import Owner, read_owner, set_owner
from listen_server.commands.mailbox_rules import Rules, read_rules, told_rules
from listen_server.commands.mailbox_showing import lock, show, unlock
from listen_server.commands.naming import mailbox_of
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.rotating import prove_root
from listen_server.commands.sharing import with_options_of
from listen_server.commands.voicemail import (
    ACTOR,
    SinkName,
    TenantName,
    console,
    run,
    table,
    tenant_of,
)
from listen_server.credentials import CredentialStore
from listen_server.errors import ConfigError
from listen_server.settings import load_settings
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.mailboxes import (
    add_mailbox,
    change_mailbox,
    get_mailbox,
    list_mailboxes,
)
from listen_sinks.voicemail.index.pins import PinState, list_pins
from listen_sinks.voicemail.index.records import Mailbox
from listen_sinks.voicemail.index.tenants import new_tenant
from listen_sinks.voicemail.index.usage import count_messages
from listen_sinks.voicemail.keys import create_key

TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,22}")  # as credentials have it

mailboxes = typer.Typer(
    name="mailboxes",
    help="Say whose messages there are. `messages erase --mailbox` erases one with all of them.",
    no_args_is_help=True,
    add_completion=False,
)

Numbers = Annotated[list[str], typer.Option(metavar="NUMBER", help="Repeatable.")]
CatchAll = Annotated[
    bool, typer.Option("--catch-all", help="Take the calls that no other mailbox is named for.")
]


of_owner: Final = with_options_of(read_owner, "owner")

for command in (show, unlock):
    mailboxes.command()(command)


@mailboxes.command()
@of_owner
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
    owner: Owner,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Make a mailbox, and print its id. A running server knows it within seconds.

    A tenant's first mailbox takes every call that no other is named for.
    """
    if tenant is not None and not TENANT.fullmatch(tenant):
        raise ConfigError("a tenant is a word of a-z, 0-9 and -, as in its credential")

    settings = read_rules(rules)
    entering = _entering(config, data_dir) if tenant is not None else ()

    async def work(store: Access) -> list[str]:
        provider = await store.root.provider()
        await prove_root(store)
        name = tenant or await _only_tenant(store)
        known = {one.id: one for one in await store.tenants()}
        whose = known.get(name) or new_tenant(name)  # made with its mailbox, or not at all
        hashes = [store.numbers(whose).mailbox(number) for number in numbers or ()]
        key = await create_key(provider, str(ULID()))
        made = await add_mailbox(
            store.database, whose, key, addresses=hashes, catch_all=catch_all, settings=settings
        )
        await store.audit.note(store.database, AuditEvent("change", ACTOR, made.id))
        typer.echo(made.id)  # it is there, whatever comes of the rest
        if name not in known and tenant is not None:
            typer.echo(_told_new(name, entering), err=True)
        return await set_owner(store, made, owner)

    for line in run(work, config, data_dir, sink):
        typer.echo(line)


@mailboxes.command("list")
def list_(
    *,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """List the mailboxes. Their numbers are kept as keyed hashes, and cannot be listed."""

    async def work(store: Access) -> list[tuple[Mailbox, Mapping[Any, int], str]]:
        wanted = [one.id for one in await store.tenants() if tenant in (None, one.id)]
        pins = {owner: await list_pins(store.database, owner) for owner in wanted}
        return [
            (
                *(box, await count_messages(store.database, owner, box.id)),
                _told_pin(pins[owner].get(box.id)),
            )
            for owner in wanted
            for box in await list_mailboxes(store.database, owner)
        ]

    shown = table(*("mailbox", "tenant", "numbers", "new", "all", "deleted", "key", "PIN", "rules"))
    for box, counts, pin in run(work, config, data_dir, sink):
        kept = counts["new"] + counts["heard"] + counts["saved"]
        shown.add_row(
            *(box.id, box.tenant, str(box.addresses)),
            *(str(counts["new"]), str(kept), str(counts["deleted"]), f"v{box.key_version}"),
            *(pin, told_rules(box)),
        )
    console().print(shown)


@mailboxes.command("set")
@of_owner
def set_(  # noqa: PLR0913 - every parameter is an option of the command
    mailbox: Annotated[str, typer.Argument(help="Its id, or one of its numbers.")],
    *,
    add_number: Numbers = [],  # noqa: B006 - typer copies it
    remove_number: Numbers = [],  # noqa: B006 - typer copies it
    catch_all: CatchAll = False,
    rules: Rules = [],  # noqa: B006 - typer copies it
    owner: Owner,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Change a mailbox: numbers and rules, PIN, whose it is, what its callers hear."""
    settings = read_rules(rules)

    async def work(store: Access) -> list[str]:
        whose = await tenant_of(store, tenant)
        found = await mailbox_of(store, whose, mailbox)
        numbers = store.numbers(whose)
        changed = await change_mailbox(
            store.database,
            whose.id,
            found.id,
            settings=settings,
            add_addresses=[numbers.mailbox(number) for number in add_number],
            remove_addresses=[numbers.mailbox(number) for number in remove_number],
            catch_all=catch_all,
        )
        await store.audit.note(store.database, AuditEvent("change", ACTOR, found.id))
        more = await set_owner(store, changed, owner)
        changed = await get_mailbox(store.database, whose.id, found.id)
        return [f"{changed.id}: {changed.addresses} number(s), {told_rules(changed)}", *more]

    for line in run(work, config, data_dir, sink):
        typer.echo(line)


def _told_pin(pin: PinState | None) -> str:
    if pin is None:
        return "none"
    return f"locked until {until}" if (until := lock(pin)) else "set"


def _entering(config: Path | None, data_dir: Path | None) -> set[str]:
    """Return the tenants that can come in: those of credentials, or that of open doors."""
    settings = load_settings(config, data_dir=data_dir)
    known = CredentialStore(settings.data_dir).all()
    return {one.tenant for one in known} or {OPEN_TENANT}


def _told_new(tenant: str, entering: Collection[str]) -> str:
    told = f"tenant {tenant} is new"
    return told if tenant in entering else f"{told}, and no credential has it"


async def _only_tenant(store: Access) -> str:
    """Return the one tenant that there is; where there is none, that of servers without doors."""
    return (await tenant_of(store, None)).id if await store.tenants() else OPEN_TENANT
