"""Tells the owners of mailboxes that a message has come: one of those who are told of events.

    event -> reading.py -> letter.py -> envelope.py -> smtp.py -> Answer

../webhook/way.py calls it, tries again and gives up. What is personal is read when a mail is
written, and is in no event, no log and no answer.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import structlog

from listen_sinks.api import SinkError
from listen_sinks.mail.config import MailSettings
from listen_sinks.mail.envelope import Envelope, base64_size, compose, in_base64, whole_lines
from listen_sinks.mail.letter import Letter
from listen_sinks.mail.reading import MailReader
from listen_sinks.mail.smtp import FOR_GOOD, MailAway, MailRefused, MailServer, MailTooBig, stuffed
from listen_sinks.objects import ObjectsAway
from listen_sinks.voicemail.beginning import FIRST_PART
from listen_sinks.voicemail.index.errors import (
    IndexAway,
    UnknownMailbox,
    UnknownMessage,
    WrongState,
)
from listen_sinks.voicemail.keys import KeysAway, WrongKey
from listen_sinks.voicemail.playback import Playback
from listen_sinks.webhook.answers import Answer
from listen_sinks.webhook.events import Event

log = structlog.get_logger(__name__)

NOTHING: Final = Answer("done", "nothing to tell")
NOBODY: Final = Answer("done", "nobody to tell")
_PIECE: Final = whole_lines(2**16)  # bytes of audio
_REMEMBERED: Final = 1000  # mails that some of their recipients have not taken yet
_EXPECTED: Final = (
    *(UnknownMessage, UnknownMailbox, WrongState, MailRefused, MailAway, SinkError, WrongKey),
    *(KeysAway, IndexAway, ObjectsAway, TimeoutError),
)


class Mailer:
    """Writes mails about the messages of one index."""

    def __init__(
        self,
        settings: MailSettings,
        server: MailServer,
        reader: MailReader,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings: Final = settings
        self._server = server
        self._reader = reader
        self._now = now
        self._answered: OrderedDict[str, dict[str, int]] = OrderedDict()

    async def open(self) -> None:
        """Get ready. Raises SinkError for the operator."""
        await self._server.open()

    async def tell(self, event: Event) -> Answer:
        """Send a mail about a message that has come, to whom it may concern."""
        if event.type not in self.settings.events or event.data["part"] != FIRST_PART:
            return NOTHING
        try:
            async with asyncio.timeout(self.settings.timeout):
                return await self._tell(event)
        except _EXPECTED as error:
            return _said(error)

    async def _tell(self, event: Event) -> Answer:
        mail = await self._reader.wanted(event)
        if mail is None:
            return NOBODY
        if seconds := await self._reader.wait(mail, self._now()):
            return Answer("wait", "waits for the words", seconds)
        letter = await self._reader.letter(mail, self._now())
        answer = await self._send(letter, await self._reader.audio(mail))
        if answer.verdict == "done" and "refused" in answer.says:
            log.warning(
                "not everybody takes mail of a mailbox", mailbox=mail.mailbox, why=answer.says
            )
        return answer

    async def _send(self, letter: Letter, playback: Playback | None) -> Answer:
        """Send a letter to those who have not answered for good yet."""
        codes = dict(self._answered.get(letter.id, {}))
        left = [one for one in letter.to if one not in codes]
        if left:
            codes |= await self._hand_over(letter, left, playback)
        answer = _judged(codes)
        if answer.verdict == "later":
            self._remember(letter.id, codes)
        else:
            self._answered.pop(letter.id, None)
        return answer

    async def _hand_over(
        self, letter: Letter, recipients: Sequence[str], playback: Playback | None
    ) -> Mapping[str, int]:
        """Hand a letter to the server, without its audio if it would be too big with it."""
        envelope = await asyncio.to_thread(compose, replace(letter, audio=playback is not None))
        size = len(envelope.head) + len(envelope.tail)
        size += base64_size(playback.wav_bytes) if playback else 0
        try:
            return await self._server.send(recipients, _pieces(envelope, playback), size)
        except MailTooBig:
            if playback is None:
                raise
        return await self._hand_over(letter, recipients, None)

    def _remember(self, event: str, codes: Mapping[str, int]) -> None:
        """Keep who is done with a mail, as long as this process lives: nobody gets it twice."""
        self._answered[event] = {one: code for one, code in codes.items() if not _is_later(code)}
        while len(self._answered) > _REMEMBERED:
            self._answered.popitem(last=False)


def _said(error: Exception) -> Answer:
    """Say in an answer what kept a mail from being sent."""
    match error:
        case UnknownMessage() | UnknownMailbox() | WrongState():
            return NOTHING  # it is deleted or erased since
        case MailRefused():
            return Answer("never", str(error))
        case WrongKey():
            return Answer("never", "the profile of the mailbox does not open")
        case MailAway() | SinkError():
            return Answer("later", str(error)[:64])
        case TimeoutError():
            return Answer("later", "no answer in time")
        case _:
            return Answer("later", type(error).__name__)


def _is_later(code: int) -> bool:
    return 400 <= code < FOR_GOOD  # noqa: PLR2004 - RFC 5321, 4.2.1


def _judged(codes: Mapping[str, int]) -> Answer:
    """Say what came of it: who refuses for now decides, then who has taken it."""
    waiting = [code for code in codes.values() if _is_later(code)]
    if waiting:
        return Answer("later", f"recipient not taken yet ({waiting[0]})")
    refused = [code for code in codes.values() if code >= FOR_GOOD]
    if len(refused) == len(codes):
        return Answer("never", f"recipient refused ({refused[0]})")
    if refused:
        return Answer("done", f"{len(refused)} of {len(codes)} recipients refused ({refused[0]})")
    return Answer("done", "250")


async def _pieces(envelope: Envelope, playback: Playback | None) -> AsyncIterator[bytes]:
    yield stuffed(envelope.head)
    if playback is not None:
        for at in range(0, playback.wav_bytes, _PIECE):
            yield in_base64(await playback.wav(at, at + _PIECE))
        yield stuffed(envelope.tail)
