"""`listen-server keys`: the root key and those of mailboxes. Where it is kept: keys/README.md."""

from typing import Annotated

import typer

from listen_server.commands.naming import Yes, mailbox_of
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.rotating import ask, retire_old, rotate_key, rotate_root, scrub
from listen_server.commands.voicemail import (
    SinkName,
    TenantName,
    console,
    run,
    table,
    tenant_of,
)
from listen_server.errors import ConfigError
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.mailbox_keys import list_keys
from listen_sinks.voicemail.keys import MailboxKey, WrongKey, check, unlock

keys = typer.Typer(
    name="keys", help="Make, rotate and check keys.", no_args_is_help=True, add_completion=False
)


@keys.command()
def create(*, sink: SinkName = None, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Make the root key, if it is one in a file and not there yet; prove that it works.

    A server does so on its first start, too.
    """

    async def work(store: Access) -> str:
        await check(await store.root.provider())
        return store.config.keys.provider

    provider = run(work, config, data_dir, sink)
    typer.echo(f"the root key ({provider}) wraps and unwraps")


@keys.command()
def rotate(
    mailbox: Annotated[
        str | None, typer.Argument(help="Id or number of a mailbox; without it, the root.")
    ] = None,
    *,
    destroy_old: Annotated[
        bool,
        typer.Option("--destroy-old", help="Destroy old keys of the mailbox as `retire` does."),
    ] = False,
    yes: Yes = False,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Make a new key: of a mailbox, or the root under which all mailboxes' keys are.

    The keys of all that is stored are sealed or wrapped anew; no audio is touched. A root that a
    service keeps is rotated there first. It can be stopped and run again.
    """
    if destroy_old and mailbox is None:
        raise ConfigError(
            "--destroy-old is for a mailbox: old roots are destroyed where they are kept"
        )
    if destroy_old:
        ask(yes=yes)

    async def work(store: Access) -> list[str]:
        if mailbox is None:
            return [await rotate_root(store)]
        owner = await tenant_of(store, tenant)
        found = await mailbox_of(store, owner, mailbox)
        told = [await rotate_key(store, found)]
        told += await retire_old(store, found) if destroy_old else []
        await scrub(store)
        return told

    for sentence in run(work, config, data_dir, sink):
        typer.echo(sentence)


@keys.command()
def retire(
    mailbox: Annotated[str, typer.Argument(help="Id or number of a mailbox.")],
    *,
    yes: Yes = False,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Destroy the private keys of a mailbox that were rotated away, so that nobody can use them.

    What is stored under them is sealed to the newest key first. A key stays as long as something
    needs it: a message that does not open, or one in the spool of this machine.
    """
    ask(yes=yes)

    async def work(store: Access) -> list[str]:
        owner = await tenant_of(store, tenant)
        found = await mailbox_of(store, owner, mailbox)
        told = await retire_old(store, found)
        await scrub(store)
        return told

    for sentence in run(work, config, data_dir, sink):
        typer.echo(sentence)


@keys.command("list")
def list_(*, sink: SinkName = None, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """List the key pairs of mailboxes, without anything secret."""

    async def work(store: Access) -> tuple[MailboxKey, ...]:
        return await list_keys(store.database)

    shown = table("mailbox", "version", "kind", "public key")
    for key in run(work, config, data_dir, sink):
        public = key.public
        shown.add_row(public.mailbox, str(public.version), public.kem, public.raw.hex())
    console().print(shown)


@keys.command("check")
def check_(*, sink: SinkName = None, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Prove that the root works, and that every mailbox's key pair is the one made for it.

    The exit status is 1 if one is not.
    """

    async def work(store: Access) -> tuple[int, list[str]]:
        provider = await store.root.provider()
        await check(provider)
        wrong = []
        found = await list_keys(store.database)
        for key in found:
            try:
                await unlock(provider, key)
            except WrongKey as error:
                wrong.append(f"mailbox {key.public.mailbox}, version {key.public.version}: {error}")
        return len(found), wrong

    checked, wrong = run(work, config, data_dir, sink)
    for sentence in wrong:
        typer.echo(sentence, err=True)
    typer.echo(f"the root works; {checked - len(wrong)} of {checked} mailbox keys are right")
    if wrong:
        raise typer.Exit(1)
