"""What the commands for messages, mailboxes, keys and audit share: the store, and its faults.

They work on the store itself, beside a running server or without one.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Final, TypeAlias, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from listen_codecs.files import NoAudio
from listen_server.errors import ConfigError
from listen_server.logs import set_up_logs
from listen_server.plugins import configure_sinks
from listen_server.settings import load_settings
from listen_sinks.api import SinkError
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.access import Access, access
from listen_sinks.voicemail.exports import ExportFailed
from listen_sinks.voicemail.index.errors import IndexAway, IndexRefusal, UnknownTenant
from listen_sinks.voicemail.index.ledger import BadLedger
from listen_sinks.voicemail.index.mailboxes import list_mailboxes
from listen_sinks.voicemail.index.records import Tenant
from listen_sinks.voicemail.keys import KeysAway, WrongKey
from listen_sinks.voicemail.unlocking import NoKey

ACTOR: Final = "operator"
"""Who reads, as the audit log has it: whoever may run commands on this machine."""

SinkName: TypeAlias = Annotated[
    str | None,
    typer.Option("--sink", help="Which voicemail sink, if there are several.", show_default=False),
]
TenantName: TypeAlias = Annotated[
    str | None, typer.Option("--tenant", help="Whose; needed if there are several.")
]

_WIDE: Final = 250  # characters
_ID: Final = 26

_T = TypeVar("_T")


def run(
    work: Callable[[Access], Awaitable[_T]],
    config: Path | None,
    data_dir: Path | None,
    sink: str | None,
) -> _T:
    """Do something with the store. Raises ConfigError for what keeps it from that."""
    set_up_logs(level="warning", human=True)
    plugin = _plugin(config, data_dir, sink)

    async def opened() -> _T:
        async with access(plugin) as store:
            return await work(store)

    try:
        return asyncio.run(opened())
    except IndexAway as error:
        raise ConfigError(f"{error}: try again when the database is there") from error
    except KeysAway as error:
        raise ConfigError(
            f"{error}: nothing is lost, try again when the provider of the root key is there"
        ) from error
    except ObjectsAway as error:
        raise ConfigError(f"the store is away ({error}): try again when it is there") from error
    except (
        *(SinkError, IndexRefusal, WrongKey, NoKey),
        *(NoAudio, ExportFailed, BadLedger, OSError),
    ) as error:
        raise ConfigError(str(error)) from error


def _plugin(config: Path | None, data_dir: Path | None, name: str | None) -> Voicemail:
    sinks = configure_sinks(load_settings(config, data_dir=data_dir))
    found = {name: s.plugin for name, s in sinks.items() if isinstance(s.plugin, Voicemail)}
    if name in found:
        return found[name]
    if not found:
        raise ConfigError(
            'no sink is of the kind voicemail: name one in a route (`sinks = ["voicemail"]` under '
            '[routes."/listen"]), and the file with --config'
        )
    if name is not None or len(found) > 1:
        raise ConfigError(f"choose a voicemail sink with --sink: {', '.join(found)}")
    return next(iter(found.values()))


async def tenant_of(store: Access, name: str | None) -> Tenant:
    """Return the tenant of this name, or the only one. Raises ConfigError, UnknownTenant."""
    tenants = {tenant.id: tenant for tenant in await store.tenants()}
    if name in tenants:
        return tenants[name]
    if name is None and len(tenants) > 1:
        tenants = await _peopled(store, tenants) or tenants
    if name is None and len(tenants) == 1:
        return next(iter(tenants.values()))
    if name is None and tenants:
        raise ConfigError(f"choose a tenant with --tenant: {', '.join(tenants)}")
    if name is None:
        raise ConfigError("there is no mailbox yet: make one with `listen-server mailboxes add`")
    raise UnknownTenant(f"there is no tenant {name}; there are: {', '.join(tenants) or 'none'}")


async def _peopled(store: Access, tenants: Mapping[str, Tenant]) -> dict[str, Tenant]:
    """Return those that have mailboxes: what is left of a slip of the pen is nobody's choice."""
    return {id_: one for id_, one in tenants.items() if await list_mailboxes(store.database, id_)}


def console() -> Console:
    """Return what is printed on; where it is no terminal, nothing is cut to a width."""
    wide = None if sys.stdout.isatty() else _WIDE
    return Console(highlight=False, soft_wrap=True, width=wide)


def table(*columns: str) -> Table:
    """Make a table whose first column is ids, which are never cut: they are there to be copied."""
    made = Table(box=None, pad_edge=False)
    for number, name in enumerate(columns):
        made.add_column(name, no_wrap=number == 0, min_width=_ID if number == 0 else None)
    return made
