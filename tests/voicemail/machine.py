"""A voicemail server that is called: mailboxes made on it, calls placed to it, messages opened."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from harness import Running, serving, settings
from tables import lay_tables
from ulid import ULID

from listen_codecs.formats import AudioBlock
from listen_server.credentials import CredentialStore, NewCredential
from listen_server.settings import Settings
from listen_server.simulator.platform import AppAddress, Line, Order, Outcome, place, read_script
from listen_server.simulator.platform.info import Server
from listen_sinks.voicemail.index.errors import UnknownMessage, WrongState
from listen_sinks.voicemail.index.mailboxes import add_mailbox
from listen_sinks.voicemail.index.messages import list_messages
from listen_sinks.voicemail.index.numbers import number_key
from listen_sinks.voicemail.index.records import Mailbox, Message, MessageState
from listen_sinks.voicemail.index.tenants import ensure_tenant
from listen_sinks.voicemail.keys import create_key
from listen_sinks.voicemail.plugin import Voicemail
from listen_sinks.voicemail.policies import KEPT
from listen_sinks.voicemail.profile import Profiles, read_profile
from listen_sinks.voicemail.store import MessageStore

TENANT: Final = "acme"
PATH: Final = "/jambonz/voicemail"
EVERY: Final[tuple[MessageState, ...]] = ("new", "heard", "saved", "deleted", "discarded")
Transport = Literal["http", "ws"]
_NUMBERS = itertools.count(15550200001)


@dataclass
class Machine:
    """A server with the voicemail application."""

    server: Running
    credential: NewCredential
    plugin: Voicemail = field(init=False)

    def __post_init__(self) -> None:
        found = self.server.app.sinks["voicemail"].plugin
        assert isinstance(found, Voicemail)
        self.plugin = found

    def app(self, transport: Transport = "http", path: str = PATH) -> AppAddress:
        """Return what is entered in jambonz."""
        return AppAddress(
            url=f"{transport}://127.0.0.1:{self.server.port}{path}",
            username=self.credential.credential.user,
            password=self.credential.secret,
        )

    async def box(
        self, *, profile: dict[str, Any] | None = None, **wants: Any
    ) -> tuple[str, Mailbox]:
        """Make a mailbox; return its number, and it."""
        number = f"+{next(_NUMBERS)}"
        database, secret = self.plugin.database, await asyncio.to_thread(self.plugin.number_secret)
        tenant = await ensure_tenant(database, TENANT)
        hashed = number_key(secret, tenant.salt).mailbox(number)
        key = await create_key(await self.plugin.root.provider(), str(ULID()))
        made = await add_mailbox(database, TENANT, key, addresses=[hashed], settings=wants)
        if profile:
            profiles = Profiles(database, self.plugin.root)
            await profiles.write(TENANT, made.id, read_profile(profile))
        await self.refresh()
        return number, made

    async def refresh(self) -> None:
        """Have the server know its mailboxes as they are."""
        await self.plugin.mailboxes.look_again()

    async def call(
        self,
        number: str,
        *lines: str,
        transport: Transport = "http",
        server: Server = "new",
        path: str = PATH,
        **order: Any,
    ) -> Outcome:
        """Call, and do what the lines say."""
        return await self.call_at(self.app(transport, path), number, *lines, server=server, **order)

    @staticmethod
    async def call_at(
        app: AppAddress,
        number: str,
        *lines: str,
        shown: Callable[[Line], None] | None = None,
        **order: Any,
    ) -> Outcome:
        """Call with another idea of the application."""
        given = {"audio": None, **order}
        made = Order(app=app, to=number, script=read_script(lines), **given)
        return await place(made, shown)

    async def messages(self, mailbox: str, states: Sequence[MessageState] = EVERY) -> list[Message]:
        """Return what is in a mailbox, oldest first, once all is shipped."""
        async with asyncio.timeout(30):
            while self.plugin.shipping.waiting:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
        page = await list_messages(self.plugin.database, TENANT, mailbox, states=states)
        return list(reversed(page.messages))

    async def audio(self, message: Message) -> AudioBlock:
        """Return the samples of a message, shape (channels, frames)."""
        playback = await (await self.store()).open(TENANT, message.id, actor="user:tester")
        return await playback.samples()

    async def heard(self, mailbox: str) -> list[AudioBlock]:
        """Return the samples of what a mailbox keeps; of what goes meanwhile, nothing."""
        found = []
        for message in await self.messages(mailbox, KEPT):
            with suppress(UnknownMessage, WrongState):
                found.append(await self.audio(message))
        return found

    async def store(self) -> MessageStore:
        """Return the door to messages."""
        plugin = self.plugin
        provider = await plugin.root.provider()
        return MessageStore(plugin.database, plugin.objects, provider, plugin.erasing.audit)


def machine_settings(data_dir: Path, **changes: Any) -> Settings:
    """Make settings of a server with voicemail, quick ones."""
    sink = {
        "write_interval": 0.05,
        "sync_interval": 0.1,
        "low_water": 0,
        "reserve": 2**16,
        "refresh_interval": 3600.0,
        "housekeeping_interval": 0.0,
        "transcribe_interval": 0.0,
    }
    given = {
        "open": False,
        "routes": {"/listen": {"sinks": ["voicemail"]}},
        "sinks": {"voicemail": {**sink, **changes.pop("sink", {})}},
        **changes,
    }
    return settings(data_dir, **given)


@asynccontextmanager
async def machine(data_dir: Path, **changes: Any) -> AsyncIterator[Machine]:
    """Serve voicemail until the block ends."""
    credential = await asyncio.to_thread(lambda: CredentialStore(data_dir).add(TENANT))
    made = await asyncio.to_thread(lambda: machine_settings(data_dir, **changes))
    await asyncio.to_thread(lay_tables, data_dir)
    async with serving(made) as server:
        yield Machine(server, credential)
