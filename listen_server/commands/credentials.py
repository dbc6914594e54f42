"""`listen-server credentials`: who may stream. The secret of one is shown once, at its making."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from listen_server.commands.options import ConfigFile, DataDir
from listen_server.credentials import SCOPES, CredentialStore, NewCredential, Scope
from listen_server.errors import ConfigError
from listen_server.settings import load_settings

credentials = typer.Typer(
    name="credentials", help="Say who may stream.", no_args_is_help=True, add_completion=False
)

Tenant = Annotated[str, typer.Argument(help="Whose streams these are: a-z, 0-9 and -.")]


@credentials.command()
def add(
    tenant: Tenant,
    *,
    scope: Annotated[
        list[str], typer.Option(help=f"What it allows: {', '.join(SCOPES)}. Repeatable.")
    ] = ["listen", "record"],  # noqa: B006 - typer copies it
    account_sid: Annotated[
        str | None, typer.Option(help="jambonz account that may stream with it.")
    ] = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Make a credential. A running server takes it within seconds."""
    _show(_store(config, data_dir).add(tenant, [_known(name) for name in scope], account_sid))


@credentials.command()
def rotate(tenant: Tenant, *, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Make a new credential like the tenant's newest. Of two older ones the oldest goes."""
    store = _store(config, data_dir)
    before = {one.user for one in store.all()}
    made = store.rotate(tenant)
    for user in sorted(before - {one.user for one in store.all()}):
        typer.echo(f"{user} works no more", err=True)
    _show(made)


@credentials.command()
def revoke(
    user: Annotated[str, typer.Argument(help="The user, as `list` shows it.")],
    *,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Forget a credential. Streams that are on go on."""
    _store(config, data_dir).revoke(user)
    typer.echo(f"{user} is revoked")


@credentials.command("list")
def list_(*, config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """List the credentials, without their secrets."""
    if not len(store := _store(config, data_dir)):
        typer.echo("there is no credential: `listen-server credentials add TENANT` makes one")
        return
    table = Table("user", "tenant", "scopes", "account", "made", box=None, pad_edge=False)
    for one in store.all():
        made = one.created.strftime("%Y-%m-%d %H:%M")
        table.add_row(one.user, one.tenant, " ".join(one.scopes), one.account_sid or "any", made)
    Console().print(table)


def _store(config: ConfigFile, data_dir: DataDir) -> CredentialStore:
    return CredentialStore(load_settings(config, data_dir=data_dir).data_dir)


def _known(name: str) -> Scope:
    for scope in SCOPES:
        if name == scope:
            return scope
    raise ConfigError(f"there is no scope {name!r}: choose of {', '.join(SCOPES)}")


def _show(made: NewCredential) -> None:
    typer.echo(f"username: {made.credential.user}")
    typer.echo(f"password: {made.secret}")
    uses = []
    if {"listen", "record"}.intersection(made.credential.scopes):
        uses.append("In the verb: wsAuth {username, password}.")
    if "api" in made.credential.scopes:
        uses.append("For `listen-server calls`: --user, and LISTEN_API_PASSWORD has the password.")
    typer.echo(" ".join(["The password is shown this once.", *uses]), err=True)
