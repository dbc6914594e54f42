"""A mail server: real SMTP, with TLS and AUTH where asked for, that refuses as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from ports import port_of

from listen_sinks.mail.config import MailSettings

USER, PASSWORD = "listen", "canary-password-9f1c"


@dataclass
class Mail:
    """What came in one DATA."""

    sender: str
    recipients: list[str]
    data: bytes
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.data, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        assert part is not None
        return str(part.get_content())

    @property
    def attachments(self) -> list[bytes]:
        return [part.get_content() for part in self.message.iter_attachments()]


@dataclass
class Answers:
    """What it says: `None` is yes."""

    sender: Callable[[str], str | None] = lambda _: None
    recipient: Callable[[str], str | None] = lambda _: None
    data: Callable[[Mail], str | None] = lambda _: None


@dataclass
class MailReceiver:
    """What came, in order."""

    tls: str = "none"
    login: bool = False
    size_limit: int | None = None
    answers: Answers = field(default_factory=Answers)
    mails: list[Mail] = field(default_factory=list)
    refused_logins: int = 0
    port: int = 0
    authority: trustme.CA = field(default_factory=trustme.CA, repr=False)
    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    _something: asyncio.Event = field(default_factory=asyncio.Event)

    def given(self, **changes: Any) -> dict[str, Any]:
        """Return `[mail]` for it."""
        made = {
            "host": "127.0.0.1",
            "port": self.port,
            "tls": self.tls,
            "sender": "Voicemail <voicemail@example.com>",
            "timeout": 15.0,
            "wait_for_transcript": 0.0,
        }
        if self.login:
            made |= {"user": USER, "password": PASSWORD}
        return {**made, **changes}

    def settings(self, **changes: Any) -> MailSettings:
        return MailSettings.model_validate(self.given(**changes))

    def trust(self, folder: Path) -> str:
        """Write down whom to trust; return the name of the file."""
        self.authority.cert_pem.write_to_path(folder / "mail-ca.pem")
        return "mail-ca.pem"

    async def until_mails(self, count: int, seconds: float = 60.0) -> None:
        async with asyncio.timeout(seconds):
            while len(self.mails) < count:
                self._something.clear()
                await self._something.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["MailReceiver"]:
        loop = asyncio.get_running_loop()
        context = await asyncio.to_thread(self._context) if self.tls != "none" else None
        connections: list[asyncio.Transport] = []

        class Conversation(SMTP):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                connections.append(transport)
                super().connection_made(transport)

        def connected() -> SMTP:
            return Conversation(
                self,
                hostname="mail.test",
                loop=loop,
                data_size_limit=self.size_limit,
                tls_context=context if self.tls == "starttls" else None,
                require_starttls=self.tls == "starttls",
                authenticator=self._authenticate if self.login else None,
                # It knows of TLS only what STARTTLS brought, and warns where it sees none.
                auth_required=self.login and self.tls == "starttls",
                auth_require_tls=self.tls == "starttls",
            )

        self.port = self.port or port_of(self)
        server = await loop.create_server(
            connected, "127.0.0.1", self.port, ssl=context if self.tls == "tls" else None
        )
        try:
            yield self
        finally:
            server.close()
            for connection in connections:
                connection.abort()
            await server.wait_closed()
            for _ in range(10):  # what is aborted goes with the next turns of the loop
                await asyncio.sleep(0)

    async def handle_MAIL(  # noqa: N802 - as aiosmtpd calls it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if says := self.answers.sender(address):
            return says
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if says := self.answers.recipient(address):
            return says
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        encrypted = session.ssl is not None or self.tls == "tls"
        one = Mail(envelope.mail_from or "", list(envelope.rcpt_tos), content, encrypted)
        if says := self.answers.data(one):
            return says
        self.mails.append(one)
        self._something.set()
        return "250 kept"

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        right = data == LoginPassword(USER.encode(), PASSWORD.encode())
        self.refused_logins += not right
        return AuthResult(success=right, handled=False)

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert(*self.names).configure_cert(context)
        return context
