"""`mailboxes show` and `mailboxes unlock`: what is known of a mailbox, and its PIN tried again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

import typer
from rich.table import Table
from rich.text import Text

from listen_server.commands.mailbox_rules import told_rules
from listen_server.commands.naming import mailbox_of, printable
from listen_server.commands.options import ConfigFile, DataDir
from listen_server.commands.voicemail import (
    ACTOR,
    SinkName,
    TenantName,
    console,
    run,
    tenant_of,
)
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.pins import PinState
from listen_sinks.voicemail.index.records import Mailbox
from listen_sinks.voicemail.index.usage import count_messages
from listen_sinks.voicemail.pins import Pins
from listen_sinks.voicemail.policies import NOT_BY_HAND
from listen_sinks.voicemail.profile import Profile, Profiles

_Mailbox: TypeAlias = Annotated[str, typer.Argument(help="Its id, or one of its numbers.")]


@dataclass(frozen=True, slots=True)
class _Known:
    mailbox: Mailbox
    counts: Mapping[Any, int]
    pin: PinState | None
    profile: Profile


def show(
    mailbox: _Mailbox,
    *,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Show all that is known about a mailbox, with its profile; of a PIN, whether there is one."""

    async def work(store: Access) -> _Known:
        owner = await tenant_of(store, tenant)
        box = await mailbox_of(store, owner, mailbox)
        if box.profile is not None:
            await store.audit.note(store.database, AuditEvent("use-key", ACTOR, box.id))
        return _Known(
            box,
            await count_messages(store.database, owner.id, box.id),
            await Pins(store.database, store.secret).state(box.id),
            await Profiles(store.database, store.root).read(owner.id, box.id),
        )

    shown = Table(box=None, pad_edge=False, show_header=False)
    for name, value in _told(run(work, config, data_dir, sink)):
        shown.add_row(name, Text(printable(value)))
    console().print(shown)


def unlock(
    mailbox: _Mailbox,
    *,
    tenant: TenantName = None,
    sink: SinkName = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Let the PIN of a mailbox be tried again, after too many wrong ones."""

    async def work(store: Access) -> str:
        owner = await tenant_of(store, tenant)
        box = await mailbox_of(store, owner, mailbox)
        has_pin = await Pins(store.database, store.secret).unlock(box.id)
        await store.audit.note(store.database, AuditEvent("unlock", ACTOR, box.id))
        return f"{box.id}: " + ("its PIN can be tried again" if has_pin else "it has no PIN")

    typer.echo(run(work, config, data_dir, sink))


def _told(known: _Known) -> Iterator[tuple[str, str]]:
    box = known.mailbox
    yield "mailbox", f"{box.id} of {box.tenant}"
    yield "numbers", str(box.addresses)
    counted = ("new", "heard", "saved", "deleted")
    yield "messages", ", ".join(f"{known.counts[state]} {state}" for state in counted)
    yield "key", f"v{box.key_version}"
    yield "rules", told_rules(box)
    yield "PIN", _told_pin(known.pin)
    for name, value in known.profile:
        for one in value if isinstance(value, tuple) else (value,):
            if one is not None:
                yield name.replace("emails", "email").replace("_", " "), one
    for which in sorted(NOT_BY_HAND & box.settings.keys()):
        if getattr(known.profile, which) is not None:
            name = which.replace("_", " ")
            yield f"recorded {name}", "callers hear it instead of the written one"


def _told_pin(pin: PinState | None) -> str:
    if pin is None:
        return "none: nobody hears its messages by phone"
    said = [f"set {pin.changed_at:%Y-%m-%d %H:%M} UTC"]
    said += ["to be changed at the next call"] if pin.must_change else []
    said += [f"{pin.failures} wrong since it was right"] if pin.failures else []
    said += [f"locked until {until}: `mailboxes unlock` ends that"] if (until := lock(pin)) else []
    return ", ".join(said)


def lock(pin: PinState | None) -> str:
    """Return until when a PIN is locked, if it is."""
    if pin is None or pin.locked_until is None or pin.locked_until <= datetime.now(UTC):
        return ""
    return f"{pin.locked_until:%Y-%m-%d %H:%M} UTC"
