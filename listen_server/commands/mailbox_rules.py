"""The rules of a mailbox as `--set NAME=VALUE` says them, and as they are shown."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeAlias

import typer
from pydantic import ValidationError

from listen_server.errors import ConfigError
from listen_server.faults import asked, meant
from listen_server.voicemail.moments import known_zone
from listen_sinks.voicemail.index.records import Mailbox
from listen_sinks.voicemail.policies import NOT_BY_HAND, MailboxSettings, read_settings

NAMES: Final = [name for name in MailboxSettings.model_fields if name not in NOT_BY_HAND]

Rules: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help=f"A rule: {', '.join(NAMES)}. Repeatable; no value: no rule.",
    ),
]


def read_rules(rules: Sequence[str]) -> dict[str, Any]:
    """Read `NAME=VALUE`; no value is None. Raises ConfigError with every fault."""
    values = dict(_split(rule) for rule in rules)
    choice = f"choose of {', '.join(NAMES)}"
    faults = [
        f"rule {name}: a greeting is set by --greeting-audio, and by phone"
        if name in NOT_BY_HAND
        else f"there is no rule {name!r}: {meant(name, NAMES) or choice}"
        for name in values
        if name not in NAMES
    ]
    given = {name: value for name, value in values.items() if value is not None and name in NAMES}
    try:
        read = read_settings(given)
    except ValidationError as error:
        faults += [f"rule {fault['loc'][0]}: {asked(fault)}" for fault in error.errors()]
    if (where := given.get("time_zone")) and known_zone(where) is None:
        faults.append("rule time_zone: this machine knows no such time zone")
    if faults:
        raise ConfigError(*faults)
    return {name: None if value is None else getattr(read, name) for name, value in values.items()}


def told_rules(box: Mailbox) -> str:
    """Say in one line what a mailbox sets for itself."""
    said = ["takes every call"] if box.catch_all else []
    said += ["legal hold"] if box.legal_hold else []
    said += [f"{name}={_typed(value)}" for name, value in box.settings.items()]
    return ", ".join(said) or "no rules of its own"


def _typed(value: object) -> str:
    """Return a value as it is typed."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _split(rule: str) -> tuple[str, str | None]:
    name, _, value = rule.partition("=")
    return name.strip().replace("-", "_"), value.strip() or None
