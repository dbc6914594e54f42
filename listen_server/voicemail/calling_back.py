"""Calling back whoever left a message: only where it is allowed, and one at a time.

It costs whoever runs this, and the caller has chosen the number: off by default, prefixes that
the operator lists (tolls.py), a mailbox that allows it, the number as it is sealed in the message.
"""

import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from listen_server.jambonz import Call, CallStatusChanged, Dial, Dialled, Phone, hook
from listen_server.jambonz.verbs import Verb
from listen_server.voicemail.moments import digits, telephone
from listen_server.voicemail.owner_base import OwnerRoom
from listen_server.voicemail.owner_turn import Turn
from listen_server.voicemail.tolls import may_call
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.leases import claim_task, drop_task
from listen_sinks.voicemail.index.records import Message

CALLED: Final = "/owner/called"
_RINGS: Final = 30.0  # seconds
_LASTS: Final = 1800.0  # seconds
_DEAD: Final = timedelta(seconds=_RINGS + _LASTS + 30)  # then nobody is on that call any more


class CallingBack(OwnerRoom):
    """Dials, or says why not."""

    async def call_back(self, turn: Turn, message: Message) -> list[Verb]:
        """Call whoever left a message."""
        number = await self._number(turn, message)
        if number is None:
            return await self.at_message(turn, turn.text("cannot_call_back"))
        if not await self._claim(turn.call, turn.state.mailbox or ""):
            return await self.at_message(turn, turn.text("already_calling_back"))
        await self.owner(turn).note("command", message.id)
        says = turn.say(turn.text("calling_back", number=digits(number)))
        dial = Dial(
            target=[Phone(number=number)], action_hook=CALLED, timeout=_RINGS, time_limit=_LASTS
        )
        return [turn.but(dialling=True).tag(), says, dial]

    @hook(CALLED)
    async def owner_dialled(self, call: Call, answer: Dialled) -> list[Verb]:
        """Go on with the message."""
        state = self.state(call)
        if state is not None:
            with suppress(IndexAway):  # then it is free when its time is over
                await self._drop(call, state.mailbox or "")

        async def act(turn: Turn) -> list[Verb]:
            said = "called_back" if answer.dial_call_status == "completed" else "not_answered"
            return await self.at_message(turn.but(dialling=False), turn.text(said))

        return await self.taking(call, None, act, patient=True)

    async def on_status(self, call: Call, status: CallStatusChanged) -> None:
        """Let another call back, when an owner hangs up who was calling back."""
        await super().on_status(call, status)
        state = self.state(call) if status.ended else None
        if state is not None and state.owner and state.own.get("dialling"):
            with suppress(IndexAway):  # then it is free when its time is over
                await self._drop(call, state.mailbox or "")

    async def _number(self, turn: Turn, message: Message) -> str | None:
        if not self.may_call_back(turn):
            return None
        envelope = await self.owner(turn).envelope(message)
        number = telephone(envelope.number) if envelope else None
        return may_call(number, self.desk.settings.call_back_prefixes)

    async def _claim(self, call: Call, mailbox: str) -> bool:
        until = datetime.now(UTC) + _DEAD
        return await claim_task(self.desk.plugin.database, _task(mailbox), _caller(call), until)

    async def _drop(self, call: Call, mailbox: str) -> None:
        await drop_task(self.desk.plugin.database, _task(mailbox), _caller(call))


def _task(mailbox: str) -> str:
    """Return the name of the right to call back, which all processes share."""
    return f"call-back-{hashlib.sha256(mailbox.encode()).hexdigest()[:16]}"


def _caller(call: Call) -> str:
    return hashlib.sha256(call.sid.encode()).hexdigest()[:32]
