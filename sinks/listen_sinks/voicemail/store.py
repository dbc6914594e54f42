"""The door for who may read: messages opened, described, checked. Every reading is audited.

    MessageStore.open -> Playback (playback.py) -> samples, ranges, WAV; exports.py: FLAC, Opus

Who takes calls never comes here: it has no key that opens anything.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, cast

from listen_sinks.objects import ObjectsAway, ObjectStore
from listen_sinks.voicemail.findings import Finding
from listen_sinks.voicemail.found_object import FoundObject
from listen_sinks.voicemail.index.audit import AuditEvent, Result
from listen_sinks.voicemail.index.audit_log import AuditLog
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import UnknownMessage, WrongState
from listen_sinks.voicemail.index.messages import get_message
from listen_sinks.voicemail.index.parts import get_values, list_parts
from listen_sinks.voicemail.index.records import Message, Part
from listen_sinks.voicemail.keys import KeyProvider, KeysAway
from listen_sinks.voicemail.labels import value_context
from listen_sinks.voicemail.outline import Outline, decode_outline
from listen_sinks.voicemail.part_audio import PartAudio, check_closed, refused
from listen_sinks.voicemail.playback import Playback
from listen_sinks.voicemail.sealed import Label, Refused, seal, unseal
from listen_sinks.voicemail.unlocking import NoKey, Unlocking

Reading: TypeAlias = Literal["listen", "export"]
_NOT_HERE: Final = ("deleted", "discarded", "arriving")


@dataclass(frozen=True, slots=True)
class Described:
    """What is known about a message, with what was sealed of it."""

    message: Message
    parts: tuple[Part, ...]
    meta: dict[str, Any] | None = field(repr=False)  # of its first part
    findings: tuple[Finding, ...]


class MessageStore:
    """Reads messages. Methods raise KeysAway, IndexAway, ObjectsAway: nothing is lost, try again.

    `actor` is who reads, as the audit log wants it: `user:01KB...`, `operator`.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        provider: KeyProvider | None,
        audit: AuditLog,
    ) -> None:
        """Take what is open already; whoever opened it closes it. No provider: keys are away."""
        self._database = database
        self._objects = objects
        self._audit = audit
        self._unlocking = Unlocking(database, provider, audit)

    async def open(
        self,
        tenant: str,
        message: str,
        *,
        actor: str,
        reading: Reading = "listen",
        part: int | None = None,
    ) -> Playback:
        """Open a message to be heard, or one part of it. What does not open is in its findings.

        Raises UnknownMessage, and WrongState if it is deleted.
        """
        await self._readable(tenant, message, actor, reading)
        parts = await list_parts(self._database, tenant, message)
        wanted = [one for one in parts if one.ranges and part in (None, one.part)]
        try:
            opened = [await self._opened(message, one, actor) for one in wanted]
        except (KeysAway, ObjectsAway):
            await self._note(reading, actor, message, "failed")
            raise
        lost = [one for one in opened if isinstance(one, Finding)]
        heard, others = _of_one_format([one for one in opened if isinstance(one, PartAudio)])
        result: Result = "ok" if heard or not wanted else "failed"
        await self._note(reading, actor, message, result)
        outline = None
        if len(opened) == len(heard) == 1:
            outline = await self._outline(message, heard[0], actor)
        return Playback(message, heard, lost=[*lost, *others], outline=outline)

    async def describe(self, tenant: str, message: str, *, actor: str) -> Described:
        """Return what is known about a message; unseals its metadata. Raises UnknownMessage."""
        found = await self._readable(tenant, message, actor, "listen")
        parts = await list_parts(self._database, tenant, message)
        meta, findings = None, []
        for one in parts[:1]:
            try:
                plain = await self._value(message, one.part, "meta", actor)
                meta = json.loads(plain) if plain else None
            except (Refused, ValueError) as error:
                findings.append(Finding(one.part, "damaged", str(error)))
            except NoKey as error:
                findings.append(Finding(one.part, "no key", str(error)))
            except KeysAway:
                await self._note("listen", actor, message, "failed")
                raise
        await self._note("listen", actor, message, "ok")
        return Described(found, parts, meta, tuple(findings))

    async def values(self, message: str, part: int, *, actor: str) -> dict[str, bytes]:
        """Return the small sealed values of a part in the clear. Raises Refused, NoKey."""
        labels = [cast("Label", label) for label in await get_values(self._database, message, part)]
        return {label: await self._value(message, part, label, actor) for label in labels}

    async def seal_value(
        self, message: str, part: int, label: Label, plain: bytes, *, actor: str
    ) -> bytes:
        """Seal a small value with the key of a part. Raises NoKey."""
        key = await self._unlocking.message_key(message, part, actor=actor)
        return seal(key, label, value_context(message, part), plain)

    async def check(
        self, message: str, part: Part, *, actor: str, with_keys: bool = True
    ) -> tuple[Finding, ...]:
        """Check a part against index and digest, and open all of it if there are keys."""
        found = await FoundObject.find(self._objects, part)
        await asyncio.to_thread(found.keep_small)
        if not with_keys or not part.ranges:
            return await asyncio.to_thread(check_closed, found)
        try:
            key = await self._unlocking.message_key(message, part.part, actor=actor)
        except NoKey as error:
            closed = await asyncio.to_thread(check_closed, found)
            return (*closed, Finding(part.part, "no key", str(error)))
        values = await get_values(self._database, message, part.part)
        broken = _closed_values(key, message, part.part, values)
        try:
            return await asyncio.to_thread(_checked, message, found, key) + broken
        except Refused as error:
            return (found.findings or (refused(part.part, error),)) + broken

    async def _opened(self, message: str, part: Part, actor: str) -> PartAudio | Finding:
        found = await FoundObject.find(self._objects, part)
        if not found.size and found.findings:
            return found.findings[0]
        try:
            key = await self._unlocking.message_key(message, part.part, actor=actor)
            return await asyncio.to_thread(PartAudio, message, found, key)
        except NoKey as error:
            return Finding(part.part, "no key", str(error))
        except Refused as error:
            return found.findings[0] if found.findings else refused(part.part, error)

    async def _outline(self, message: str, audio: PartAudio, actor: str) -> Outline | None:
        try:
            plain = await self._value(message, audio.part.part, "peaks", actor)
            return decode_outline(plain) if plain else None
        except (Refused, NoKey, ValueError):
            return None  # it is made of the audio then

    async def _value(self, message: str, part: int, label: Label, actor: str) -> bytes:
        values = await get_values(self._database, message, part)
        if label not in values:
            return b""
        key = await self._unlocking.message_key(message, part, actor=actor)
        return unseal(key, label, value_context(message, part), values[label])

    async def _readable(self, tenant: str, message: str, actor: str, reading: Reading) -> Message:
        try:
            found = await get_message(self._database, tenant, message)
        except UnknownMessage:
            with suppress(ValueError):  # what is no id is not written down: it may be a number
                await self._note(reading, actor, message, "refused")
            raise
        if found.state in _NOT_HERE:
            await self._note(reading, actor, message, "refused")
            raise WrongState(f"message {message} is {found.state}")
        return found

    async def _note(self, reading: Reading, actor: str, message: str, result: Result) -> None:
        await self._audit.note(self._database, AuditEvent(reading, actor, message, result))


def _of_one_format(parts: Sequence[PartAudio]) -> tuple[list[PartAudio], list[Finding]]:
    heard: list[PartAudio] = []
    others: list[Finding] = []
    for one in parts:
        if not heard or one.form == heard[0].form:
            heard.append(one)
        else:
            sentence = f"{one.channels} channel(s) at {one.sample_rate} Hz: open it by itself"
            others.append(Finding(one.part.part, "other format", sentence))
    return heard, others


def _checked(message: str, found: FoundObject, key: bytes) -> tuple[Finding, ...]:
    return PartAudio(message, found, key).check()


def _closed_values(
    key: bytes, message: str, part: int, values: Mapping[str, bytes]
) -> tuple[Finding, ...]:
    findings = []
    for label, value in values.items():
        try:
            unseal(key, cast("Label", label), value_context(message, part), value)
        except Refused as error:
            findings.append(Finding(part, "damaged", str(error)))
    return tuple(findings)
