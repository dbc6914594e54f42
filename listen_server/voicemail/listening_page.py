"""The page that a link in a mail leads to: one message, with a player. `PATH/mail/TOKEN`.

    listening_link -> in a mail -> ListeningPage -> the address of the audio (audio.py), as long

Whoever has the link hears the message until it is too old. Nothing on the page says who called,
and a program that follows links in mails hears nothing: audio is fetched when somebody plays it.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from starlette.requests import Request
from starlette.responses import Response

from listen_server.voicemail.desk import MAILED, Desk
from listen_server.voicemail.plain_page import PlainPage
from listen_server.voicemail.tokens import Tokens
from listen_sinks.api import SinkError
from listen_sinks.voicemail.index.errors import IndexAway, UnknownMessage
from listen_sinks.voicemail.index.messages import get_message
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.policies import KEPT

log = structlog.get_logger(__name__)

LINK: Final = "mail link"
"""What the tokens in links are sealed for."""
_GONE: Final = "There is nothing here: the link is too old or not whole, or the message is gone."
_AWAY: Final = "The message cannot be had right now. Try again in a moment."
_PAGE: Final = PlainPage(
    "Voicemail",
    36,
    style="audio{width:100%}time{white-space:nowrap}small{color:#595959}",
    dark="small{color:#aaa}",
    policy="media-src 'self'; ",
    headers={"x-robots-tag": "noindex"},
)


def listening_link(tokens: Tokens, tenant: str, mailbox: str, message: str, seconds: float) -> str:
    """Return the token of a link that leads to a message for so long."""
    data = {"t": tenant, "b": mailbox, "m": message, "u": round(time.time() + seconds)}
    return tokens.seal(LINK, data, seconds).rstrip("=")  # which a reader of mails may leave out


def opened_link(tokens: Tokens, token: str) -> dict[str, Any] | None:
    """Return what a link leads to; None if it is too old, or altered."""
    return tokens.open(LINK, token + "=" * (-len(token) % 4))


class ListeningPage:
    """Answers GET and HEAD of `PATH/mail/TOKEN`. `now` gives Unix time."""

    def __init__(self, desk: Desk, now: Callable[[], float] = time.time) -> None:
        self._desk = desk
        self._now = now

    async def endpoint(self, request: Request) -> Response:
        """Answer with the page; 404 for a link that is old or altered, or leads nowhere."""
        try:
            told = opened_link(self._desk.tokens, request.path_params["token"])
            message = None if told is None else await self._message(told)
        except (IndexAway, SinkError) as error:
            log.warning("a message in a mail is asked for and away", error=type(error).__name__)
            return _PAGE.answer(_said(_AWAY), 503)
        if told is None or message is None:
            return _PAGE.answer(_said(_GONE), 404)
        zone = await asyncio.to_thread(ZoneInfo, self._desk.settings.time_zone)
        began = _moment(message.started_at.astimezone(zone))
        until = _moment(datetime.fromtimestamp(told["u"], zone))
        minutes, seconds = divmod(round(message.seconds), 60)
        return _PAGE.answer(
            _said(f"A message of {minutes}:{seconds:02}, left at {began}.")
            + self._player(told)
            + _said(f"<small>The link works until {until}, for whoever has it.</small>")
        )

    async def _message(self, told: dict[str, Any]) -> Message | None:
        try:
            found = await get_message(self._desk.plugin.database, told["t"], told["m"])
        except UnknownMessage:
            return None
        return found if found.state in KEPT and found.mailbox == told["b"] else None

    def _player(self, told: dict[str, Any]) -> str:
        """Return the player. Its address is relative: a proxy may have a path of its own."""
        data = {key: told[key] for key in ("t", "b", "m")}
        token = self._desk.tokens.seal(MAILED, data, told["u"] - self._now())
        return (
            '<audio controls preload="none" aria-label="The message" '
            f'src="../audio/{token}.wav"></audio>\n'
        )


def _said(sentence: str) -> str:
    return f"<p>{sentence}</p>\n"


def _moment(at: datetime) -> str:
    said = escape(f"{at:%Y-%m-%d %H:%M} {at.tzname()}")
    return f'<time datetime="{at.isoformat(timespec="seconds")}">{said}</time>'
