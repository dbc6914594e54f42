"""What `mailboxes add` and `set` say of a mailbox's owner: PIN, profile, greetings.

Read whole before anything is changed, so that a fault in one changes nothing.
"""

import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import typer
from pydantic import ValidationError

from listen_codecs.files import UnreadableAudio, audio_info, read_audio
from listen_codecs.formats import AudioBlock
from listen_server.commands import mailbox_options as of
from listen_server.commands.voicemail import ACTOR
from listen_server.errors import ConfigError
from listen_sinks.voicemail.access import Access
from listen_sinks.voicemail.greetings import LONGEST, Which, keep_greeting, set_greeting
from listen_sinks.voicemail.index.audit import AuditEvent
from listen_sinks.voicemail.index.records import Mailbox
from listen_sinks.voicemail.pins import PinRefused, Pins, judge
from listen_sinks.voicemail.profile import Profiles, read_profile

_ASKED: Final = "-"
_NEW_PIN_DIGITS: Final = 6
_OURS: Final = "Value error, "  # what pydantic puts in front of a sentence of ours


@dataclass(frozen=True, slots=True)
class Spoken:
    """A greeting as it is asked for: words, or audio, or none any more."""

    text: str | None = field(default=None, repr=False)
    audio: tuple[AudioBlock, int] | None = field(default=None, repr=False)  # samples, rate in Hz


@dataclass(frozen=True, slots=True)
class Owner:
    """What is to be set. Shows nothing of it."""

    pin: str | None = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)  # of the profile
    greetings: Mapping[Which, Spoken] = field(repr=False)
    new_pin: bool  # the PIN was made by chance: somebody has to be told
    no_pin: bool


def read_owner(  # noqa: PLR0913 - every parameter is an option of a command
    *,
    pin: of.Pin = None,
    new_pin: of.NewPin = False,
    no_pin: of.NoPin = False,
    name: of.Name = None,
    email: of.Emails = [],  # noqa: B006 - typer copies it
    operator: of.Operator = None,
    language: of.Language = None,
    voice: of.Voice = None,
    vendor: of.Vendor = None,
    greeting: of.Greeting = None,
    greeting_audio: of.GreetingAudio = None,
    no_greeting: of.NoGreeting = False,
    temporary_greeting: of.Temporary = None,
    temporary_greeting_audio: of.TemporaryAudio = None,
    no_temporary_greeting: of.NoTemporary = False,
) -> Owner:
    """Take the options together, and ask for a PIN where that is wanted.

    Raises ConfigError, which repeats no value.
    """
    greetings = {
        **_greeting("greeting", greeting, greeting_audio, none=no_greeting),
        **_greeting(
            "temporary_greeting",
            temporary_greeting,
            temporary_greeting_audio,
            none=no_temporary_greeting,
        ),
    }
    said = {
        "name": name,
        "operator": operator,
        "language": language,
        "voice": voice,
        "vendor": vendor,
    }
    fields: dict[str, Any] = {
        key: value or None for key, value in said.items() if value is not None
    }
    if email:
        fields["emails"] = [address for address in email if address]
    fields |= {which: spoken.text for which, spoken in greetings.items() if not spoken.audio}
    _judge(fields)
    if (pin is not None) + new_pin + no_pin > 1:
        raise ConfigError("choose: --pin, --new-pin, or --no-pin")
    said_pin = _new() if new_pin else _said(pin)
    return Owner(said_pin, fields, greetings, new_pin=new_pin, no_pin=no_pin)


async def set_owner(store: Access, mailbox: Mailbox, owner: Owner) -> list[str]:
    """Set all that is asked for, and write each down in the audit log; return what to print."""
    if owner.fields:
        profiles = Profiles(store.database, store.root)
        await profiles.change(mailbox.tenant, mailbox.id, owner.fields)
        await _changed(store, mailbox)
    for which, spoken in owner.greetings.items():
        await _greet(store, mailbox, which, spoken)
        await _changed(store, mailbox)
    pins = Pins(store.database, store.secret)
    if owner.pin is not None:
        await pins.set(mailbox.id, owner.pin, must_change=True)
    elif owner.no_pin:
        await pins.remove(mailbox.id)
    else:
        return []
    await _changed(store, mailbox)
    told = f"PIN {owner.pin}: its owner is asked for another at the first call"
    return [told] if owner.new_pin else []


def _greeting(
    which: Which, text: str | None, file: Path | None, *, none: bool
) -> dict[Which, Spoken]:
    """Take the options for one greeting together. Raises ConfigError."""
    if (text is not None) + (file is not None) + none > 1:
        option = which.replace("_", "-")
        raise ConfigError(f"choose: --{option}, --{option}-audio, or --no-{option}")
    if file is not None:
        return {which: Spoken(audio=_audio(file))}
    return {which: Spoken(text or None)} if none or text is not None else {}


def _judge(fields: Mapping[str, Any]) -> None:
    """Raise ConfigError for what no profile can have."""
    try:
        read_profile(fields)
    except ValidationError as error:
        faults = error.errors(include_input=False)
        told = [f"{_option(one['loc'])}: {one['msg'].removeprefix(_OURS)}" for one in faults]
        raise ConfigError(*told) from None


async def _greet(store: Access, mailbox: Mailbox, which: Which, spoken: Spoken) -> None:
    message = None
    if spoken.audio:
        message = await keep_greeting(store.database, store.objects, mailbox.id, *spoken.audio)
    await set_greeting(
        store.database, store.erasures, store.objects, mailbox.id, which, message, actor=ACTOR
    )


async def _changed(store: Access, mailbox: Mailbox) -> None:
    await store.audit.note(store.database, AuditEvent("change", ACTOR, mailbox.id))


def _audio(file: Path) -> tuple[AudioBlock, int]:
    """Read a greeting: one channel, whatever the file has. Raises ConfigError."""
    try:
        seconds = audio_info(file).seconds
        if not 0 < seconds <= LONGEST:
            raise ConfigError(
                f"{file}: a greeting has audio, and lasts no longer than {LONGEST:g} s"
            )
        samples, rate = read_audio(file)
    except UnreadableAudio as error:
        raise ConfigError(f"{file}: {error}") from error
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from error
    if len(samples) > 1:
        mixed = samples.sum(axis=0, keepdims=True, dtype=np.int32) // len(samples)
        samples = mixed.astype(np.int16)
    return samples, rate


def _said(pin: str | None) -> str | None:
    """Return the PIN that is meant. Raises ConfigError."""
    if pin == _ASKED:
        pin = _asked() if sys.stdin.isatty() else sys.stdin.readline().strip()
    try:
        if pin is not None:
            judge(pin)
    except PinRefused as error:
        raise ConfigError(str(error)) from None
    return pin


def _asked() -> str:
    asked: str = typer.prompt("PIN", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _new() -> str:
    while True:
        pin = f"{secrets.randbelow(10**_NEW_PIN_DIGITS):0{_NEW_PIN_DIGITS}}"
        with suppress(PinRefused):
            judge(pin)
            return pin


def _option(where: tuple[int | str, ...]) -> str:
    """Return the option that a field of the profile is set by."""
    name = str(where[0]).replace("_", "-")
    return "--email" if name == "emails" else f"--{name}"
