"""One mail server: spoken to, encrypted, logged in to, and given mails. envelope.py makes them.

    MailServer.send(recipients, pieces, size) -> the code that each recipient was answered with

A mail goes out in pieces: audio for minutes is megabytes of base64, and calls share the loop.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from listen_sinks.api import SinkError
from listen_sinks.mail.config import MailSettings, read_address

FOR_GOOD: Final = 500
"""Codes from here on are no, today and tomorrow (RFC 5321, 4.2.1)."""
_START: Final = 354
_DONE: Final = 250
_TOO_BIG: Final = (552, 523)  # RFC 1870, 6.3; 523 is what some say
_DOT: Final = re.compile(rb"(?m)^\.")
_GOODBYE: Final = 2.0  # seconds for the answer to QUIT, which decides nothing


class MailAway(Exception):  # noqa: N818 - a finding: try again later
    """The server did not take a mail for now. The sentence is ours, with the code at most."""


class MailRefused(Exception):  # noqa: N818 - a finding: do not try again
    """The server will never take this mail."""


class MailTooBig(MailRefused):
    """The server would take a smaller one."""


class MailServer:
    """A mail server. `folder` is what file names in the settings are relative to."""

    def __init__(self, settings: MailSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._sender = read_address(settings.sender).addr_spec
        self._trust: ssl.SSLContext | None = None

    async def open(self) -> None:
        """Get ready; the server may be away. Raises SinkError for the operator."""
        if self._settings.tls != "none":
            self._trust = await asyncio.to_thread(trust_of, self._settings, self._folder)
        await asyncio.to_thread(password_of, self._settings, self._folder)

    async def look(self) -> None:
        """Do all but send a mail. Raises MailAway, SinkError."""
        async with self._connected() as smtp:
            try:
                await smtp.mail(self._sender)
                await smtp.rset()
            except SMTPResponseException as error:
                raise _about_sender(error) from error

    async def send(
        self, recipients: Sequence[str], pieces: AsyncIterable[bytes], size: int
    ) -> Mapping[str, int]:
        """Send a mail of `size` bytes; return the code that each recipient was answered with.

        The pieces, one after the other, are `stuffed` lines that end with CRLF. Raises MailAway,
        MailRefused and SinkError if nobody got it.
        """
        async with self._connected() as smtp:
            return await self._send(smtp, recipients, pieces, size)

    async def _send(
        self, smtp: SMTP, recipients: Sequence[str], pieces: AsyncIterable[bytes], size: int
    ) -> Mapping[str, int]:
        limit = smtp.esmtp_extensions.get("size", "")
        if limit.isdecimal() and 0 < int(limit) < size:
            raise MailTooBig("mail too big (SIZE)")
        options = [f"SIZE={size}"] if "size" in smtp.esmtp_extensions else []
        try:
            await smtp.mail(self._sender, options=options)
        except SMTPSenderRefused as error:
            raise _about_sender(error) from error
        codes = {one: await _recipient(smtp, one) for one in recipients}
        if all(code >= 400 for code in codes.values()):  # noqa: PLR2004 - RFC 5321, 4.2.1
            return codes
        _check((await smtp.execute_command(b"DATA")).code, _START)
        async for piece in pieces:
            await _write(smtp, piece)
        _check((await smtp.execute_command(b".")).code, _DONE)
        return codes

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[SMTP]:
        """Connect, encrypt and log in. Raises MailAway, SinkError."""
        password = await asyncio.to_thread(password_of, self._settings, self._folder)
        smtp = SMTP(
            hostname=self._settings.host,
            port=self._settings.port,
            timeout=self._settings.timeout,
            use_tls=self._settings.tls == "tls",
            start_tls=False,  # below, with a sentence of our own where it is not offered
            tls_context=self._trust,
        )
        try:
            await smtp.connect()
            await self._begin(smtp, password)
            yield smtp
            with suppress(SMTPException, OSError, TimeoutError):  # the mail is on its way
                await smtp.execute_command(b"QUIT", timeout=_GOODBYE)
        except (SMTPException, OSError) as error:  # TimeoutError is one
            raise MailAway(_told(error)) from error
        finally:
            await _hang_up(smtp)

    async def _begin(self, smtp: SMTP, password: str | None) -> None:
        await smtp.ehlo()
        if self._settings.tls == "starttls":
            if not smtp.supports_extension("starttls"):
                raise MailAway("it offers no STARTTLS")
            await smtp.starttls()
            await smtp.ehlo()
        if self._settings.user is not None and password is not None:
            if not smtp.supported_auth_methods:
                raise MailAway("it offers no login that is known here")
            await smtp.login(self._settings.user, password)


def password_of(settings: MailSettings, folder: Path) -> str | None:
    """Return the password, if there is to be one. Blocks. Raises SinkError if its file has none."""
    if settings.password is not None:
        return settings.password.get_secret_value()
    if settings.password_file is None:
        return None
    path = folder / settings.password_file
    try:
        password = path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise SinkError(f"mail: password_file has no password: {path}: {why}") from error
    if not password:
        raise SinkError(f"mail: password_file has no password: {path} is empty")
    return password


def trust_of(settings: MailSettings, folder: Path) -> ssl.SSLContext:
    """Return whom to trust. Blocks. Raises SinkError if its file cannot be read."""
    ca_file = folder / settings.ca_file if settings.ca_file else None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise SinkError(f"mail: ca_file {ca_file}: {error.strerror or error}") from error


def stuffed(lines: bytes) -> bytes:
    """Return lines as they cross the network, none of which is the end (RFC 5321, 4.5.2)."""
    return _DOT.sub(b"..", lines)


async def _hang_up(smtp: SMTP) -> None:
    """Close the connection for good: all has been said, or nothing more will be.

    Closed politely, TLS would wait for the other side's goodbye, and a loop that ends (a command's)
    would leave the connection to the garbage collector.
    """
    transport = smtp.transport
    smtp.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
    await asyncio.sleep(0)  # what is aborted goes with the next turn of the loop


async def _recipient(smtp: SMTP, address: str) -> int:
    try:
        return (await smtp.rcpt(address)).code
    except SMTPRecipientRefused as error:
        return error.code


async def _write(smtp: SMTP, piece: bytes) -> None:
    """Write a piece of a mail as it is, and wait until there is room for the next."""
    if smtp.protocol is None:
        raise SMTPServerDisconnected("Connection lost")
    smtp.protocol.write(piece)
    # What StreamWriter.drain awaits; a writer of our own would close the connection at its end.
    await smtp.protocol._drain_helper()  # noqa: SLF001


def _check(code: int, wanted: int) -> None:
    if code == wanted:
        return
    if code in _TOO_BIG:
        raise MailTooBig(f"mail too big ({code})")
    if code >= FOR_GOOD:
        raise MailRefused(f"mail refused ({code})")
    raise MailAway(f"mail not taken ({code})")


def _about_sender(error: SMTPResponseException) -> Exception:
    """Say what a refused sender is: a setting that can be mended, so nothing is lost yet."""
    if error.code in _TOO_BIG:
        return MailTooBig(f"mail too big ({error.code})")
    return MailAway(f"sender refused ({error.code})")


def _told(error: Exception) -> str:
    """Say what keeps the server from taking mails, without a word of its own."""
    cause = error.__cause__ or error
    if isinstance(error, SMTPAuthenticationError):
        return f"login refused ({error.code})"
    if isinstance(error, SMTPResponseException):
        return f"refused ({error.code})"
    known: tuple[tuple[type[BaseException], str], ...] = (
        (TimeoutError, "no answer in time"),
        (ssl.SSLCertVerificationError, "its certificate is not trusted"),
        (ssl.SSLError, "no TLS could be agreed on"),
        (socket.gaierror, "its name has no address"),
        (ConnectionRefusedError, "nothing listens there"),
        (SMTPServerDisconnected, "it hung up"),
    )
    for kind, sentence in known:
        if isinstance(cause, kind) or isinstance(error, kind):
            return sentence
    return type(cause).__name__
