"""`listen-server keys`: the root key and those of mailboxes. Where it is kept: keys/README.md."""

from typing import Annotated

import typer

from listen_server.commands.mailboxes import mailbox_of
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.voicemail import (
    ACTOR,
    SinkName,
    TenantName,
    console,
    run,
    table,
    tenant_of,
)
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.mailbox_keys import add_key, get_key, list_keys, replace_wrapped
from listen_sinks.voicemail.index.parts import list_message_keys, replace_message_key
from listen_sinks.voicemail.index.records import Mailbox, SealedKey
from listen_sinks.voicemail.keys import (
    MailboxKey,
    PublicKey,
    WrongKey,
    check,
    reseal,
    rewrap_all,
    rotate_mailbox,
    unlock,
)
from listen_sinks.voicemail.keys.file import FileKeys

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
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Make a new key: of a mailbox, or the root under which all mailboxes' keys are.

    The keys of all that is stored are sealed or wrapped anew; no audio is touched. A root that a
    service keeps is rotated there first. It can be stopped and run again.
    """

    async def work(store: Access) -> str:
        if mailbox is None:
            return await _rotate_root(store)
        owner = await tenant_of(store, tenant)
        return await _rotate_mailbox(store, await mailbox_of(store, owner, mailbox))

    typer.echo(run(work, config, data_dir, sink))


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


async def _rotate_root(store: Access) -> str:
    provider = await store.root.provider()
    if isinstance(provider, FileKeys):
        for notice in await provider.rotate():
            typer.echo("; ".join([notice.event, *notice.fields.values()]), err=True)
    done, left = 0, []
    async for one in rewrap_all(provider, await list_keys(store.database)):
        if one.new is None:
            left.append(one.old.public)
            continue
        await replace_wrapped(store.database, one.old, one.new)
        await _changed(store, one.old.public.mailbox)
        done += 1
    await store.database.compact()  # what the old root wrapped leaves the files
    for public in left:
        typer.echo(f"mailbox {public.mailbox}, version {public.version} does not open", err=True)
    if left:
        raise typer.Exit(1)
    return f"{done} mailbox key(s) are wrapped under the newest root"


async def _rotate_mailbox(store: Access, mailbox: Mailbox) -> str:
    provider = await store.root.provider()
    newest = await get_key(store.database, mailbox.id, mailbox.key_version)
    if newest is None:
        raise WrongKey(f"mailbox {mailbox.id} has no key any more")
    new = await rotate_mailbox(provider, newest.public)
    await add_key(store.database, new)
    await _changed(store, mailbox.id)
    resealed = 0
    for old in await list_keys(store.database, mailbox.id):
        if old.public.version < new.public.version:
            resealed += await _reseal(store, old, new.public)
    return (
        f"mailbox {mailbox.id} is at version {new.public.version}; "
        f"the keys of {resealed} message part(s) are sealed to it"
    )


async def _reseal(store: Access, old: MailboxKey, to: PublicKey) -> int:
    """Seal envelopes to another version, as long as there are some that open."""
    private = await unlock(await store.root.provider(), old)
    done, before = 0, -1
    while done > before:
        before = done
        public = old.public
        for one in await list_message_keys(store.database, public.mailbox, public.version):
            try:
                envelope = reseal(one.envelope, private, to, one.message, one.part)
            except WrongKey as error:
                typer.echo(f"message {one.message}, part {one.part}: {error}", err=True)
                continue
            new = SealedKey(one.message, one.part, to.mailbox, to.version, envelope)
            await replace_message_key(store.database, one, new)
            done += 1
    return done


async def _changed(store: Access, mailbox: str) -> None:
    await store.audit.note(store.database, AuditEvent("change", ACTOR, mailbox))
