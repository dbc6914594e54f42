"""The page that a link in a mail leads to: one message, with a player. `PATH/mail/TOKEN`.

    listening_link -> in a mail -> ListeningPage -> the address of the audio (audio.py), as long

Whoever has the link hears the message until it is too old. Nothing on the page says who called,
and a program that follows links in mails hears nothing: audio is fetched when somebody plays it.
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from listen_server.voicemail.desk import MAILED, Desk
from listen_server.voicemail.tokens import Tokens
from listen_sinks.api import SinkError
from listen_sinks.voicemail.index.errors import IndexAway, UnknownMessage
from listen_sinks.voicemail.index.messages import get_message
from listen_sinks.voicemail.index.records import Message
from listen_sinks.voicemail.policies import KEPT

log = structlog.get_logger(__name__)

LINK: Final = "mail link"
"""What the tokens in links are sealed for."""
_GONE: Final = "There is nothing here: the link is too old, or the message is gone."
_AWAY: Final = "The message cannot be had right now. Try again in a moment."
_STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}audio{width:100%}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#1a1a1a}}"
)
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "content-security-policy": (
        f"default-src 'none'; media-src 'self'; style-src 'sha256-{_HASH}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
    "cache-control": "no-store",
}
_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Voicemail</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Voicemail</h1>
{content}
</main>
</body>
</html>
"""


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
            return _page(_said(_AWAY), 503)
        if told is None or message is None:
            return _page(_said(_GONE), 404)
        zone = await asyncio.to_thread(ZoneInfo, self._desk.settings.time_zone)
        began = message.started_at.astimezone(zone)
        minutes, seconds = divmod(round(message.seconds), 60)
        length = f"{minutes}:{seconds:02}"
        says = f"A message of {length}, of {began:%Y-%m-%d %H:%M} {began.tzname()}."
        return _page(_said(says) + self._player(told))

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
        return f'<audio controls preload="none" src="../audio/{token}.wav"></audio>'


def _said(sentence: str) -> str:
    return f"<p>{sentence}</p>\n"


def _page(content: str, status: int = 200) -> Response:
    return HTMLResponse(_PAGE.format(style=_STYLE, content=content), status, headers=_HEADERS)
