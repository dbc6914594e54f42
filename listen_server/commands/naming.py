"""How the commands are told which messages and mailboxes, and how they go through several."""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Final, TypeAlias

import typer

from listen_server.commands.voicemail import tenant_of
from listen_server.errors import ConfigError
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.errors import IndexRefusal, UnknownMailbox, UnknownMessage
from listen_sinks.voicemail.index.mailboxes import find_mailbox, get_mailbox
from listen_sinks.voicemail.index.records import Mailbox, Tenant

ID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def read_id(text: str) -> str:
    """Return a message's id in capitals. Raises ConfigError for what is none."""
    if not ID.fullmatch(text.strip().upper()):
        raise ConfigError(
            f"{text!r} is no message: ids have 26 letters and digits, as `messages list` shows them"
        )
    return text.strip().upper()


def read_ids(texts: list[str] | None) -> list[str]:
    """Return each of several ids, once. Raises ConfigError."""
    return list(dict.fromkeys(read_id(text) for text in texts or ()))


MessageId: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="MESSAGE", help="Its id, as `list` shows it.", callback=read_id),
]
MessageIds: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="MESSAGE", help="Their ids, as `list` shows them.", callback=read_ids),
]
MailboxName: TypeAlias = Annotated[
    str | None, typer.Option("--mailbox", help="All of a mailbox: its id, or one of its numbers.")
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def confirm(question: str, *, yes: bool) -> None:
    """Ask, and go on only if that is meant. Raises Exit, with status 1."""
    try:
        if yes or typer.confirm(question, err=True):
            return
    except typer.Abort:  # nobody is there to ask
        typer.echo(err=True)
    typer.echo("nothing was done; --yes answers the question", err=True)
    raise typer.Exit(1)


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


async def owner_of(store: Access, message: str, tenant: str | None = None) -> str:
    """Return whose message it is; it may be erased already. Raises UnknownMessage, ConfigError."""
    try:
        return (await store.find(message)).tenant
    except UnknownMessage:
        tenants = await store.tenants()
        if tenant is None and len(tenants) > 1:
            raise
        return (await tenant_of(store, tenant)).id


async def each(
    ids: Iterable[str], work: Callable[[str], Awaitable[str]], refused: list[str]
) -> None:
    """Do something with one after the other, and print what came of it; go on where one is not."""
    for one in ids:
        try:
            typer.echo(await work(one))
        except IndexRefusal as error:
            refused.append(str(error))


def end(refused: list[str]) -> None:
    """Tell what could not be done. Raises ConfigError for it."""
    if refused:
        raise ConfigError(*refused)


def printable(value: str) -> str:
    """Take out what would command the terminal: people can say anything of themselves."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in value)
