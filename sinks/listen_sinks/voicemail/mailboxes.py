"""Which mailbox a call goes to, known without asking a database. index/routing.py decides.

database --every 10 s--> Routing in memory --> a file, for a start while the database is away
"""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from ulid import ULID

from listen_sinks.api import Call, SinkError
from listen_sinks.folders import create_file
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.mailboxes import add_mailbox
from listen_sinks.voicemail.index.routes import load_routing
from listen_sinks.voicemail.index.routing import BadRouting, Destination, Routing, resolve
from listen_sinks.voicemail.index.tenants import new_tenant
from listen_sinks.voicemail.keys.provider import KeysAway, WrongKey
from listen_sinks.voicemail.keys.rotation import create_key
from listen_sinks.voicemail.root import Root

log = structlog.get_logger(__name__)

_PATIENCE: Final = 2.0  # seconds: the caller speaks already


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call goes."""

    destination: Destination
    caller: str | None  # keyed hash of who calls


class Mailboxes:
    """The mailboxes that this process knows."""

    def __init__(
        self,
        database: Database,
        secret: bytes,
        copy: Path,
        *,
        root: Root | None,
        interval: float,
    ) -> None:
        """Know none yet. Without a root none are made for tenants that have none."""
        self._database = database
        self._secret = secret
        self._copy = copy
        self._root = root
        self._interval = interval  # seconds
        self._routing: Routing | None = None
        self._written: bytes | None = None
        self._making = asyncio.Lock()
        self.away: str | None = None
        """What the index said when it was asked last, if it was no answer."""

    async def open(self) -> None:
        """Learn which mailboxes there are: from the database, or from the file."""
        await self._refresh()
        if self._routing is None:
            self._routing = await asyncio.to_thread(self._read_copy)
        self._refreshing = asyncio.create_task(self._keep_refreshing(), name="voicemail mailboxes")

    async def close(self) -> None:
        """Stop asking."""
        self._refreshing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._refreshing

    def unavailable(self) -> str | None:
        """Say why no call can be taken, in a few words, or None."""
        return "no mailbox is known, and the index is away" if self._routing is None else None

    async def place(self, call: Call) -> Place:
        """Choose the mailbox of a call. Raises SinkError if there is no public key to seal to."""
        await self._learn(call)
        found = self._find(call)
        if found is None:
            async with self._making:
                found = self._find(call) or await self._made_for(call)
        return found

    async def _learn(self, call: Call) -> None:
        """Look again for a mailbox that a pass names: it may be newer than what is known here."""
        granted = call.granted.get("mailbox")
        if granted is None or self._knows(call.tenant, granted):
            return
        with contextlib.suppress(IndexAway, TimeoutError):
            async with asyncio.timeout(_PATIENCE), self._making:
                if not self._knows(call.tenant, granted):
                    await self._reload()

    def _knows(self, tenant: str, mailbox: str) -> bool:
        routes = self._routing.tenants.get(tenant) if self._routing else None
        return routes is not None and mailbox in routes.mailboxes

    def find(self, tenant: str, address: str | None) -> Destination | None:
        """Return a tenant's mailbox by its id, or by one of its numbers or names."""
        routes = self._routing.tenants.get(tenant) if self._routing else None
        return routes.find(address) if routes else None

    def catch_all(self, tenant: str) -> Destination | None:
        """Return the mailbox that takes what no other does; None if nothing is known of one."""
        routes = self._routing.tenants.get(tenant) if self._routing else None
        return routes.mailboxes.get(routes.catch_all or "") if routes else None

    def caller(self, tenant: str, number: str | None) -> str | None:
        """Return the keyed hash of a caller's number."""
        routes = self._routing.tenants.get(tenant) if self._routing else None
        return routes.numbers.caller(number) if routes and number else None

    def _find(self, call: Call) -> Place | None:
        if self._routing is None:
            return None
        found = resolve(
            self._routing,
            call.tenant,
            call.path_params.get("mailbox"),
            call.attributes.get("mailbox"),
            call.to_number,
            call.granted.get("mailbox"),
        )
        if found is None:
            return None
        named = [by for by in found.missed if by != "number"]  # not every number has a mailbox
        if named:
            log.info(
                "no such mailbox: the next best was taken",
                stream=call.stream_id,
                named_by=named,
                found_by=found.by,
            )
        return Place(found.destination, self.caller(call.tenant, call.from_number))

    async def _made_for(self, call: Call) -> Place:
        """Make the catch-all mailbox of a tenant that has none."""
        if self._root is None:
            raise SinkError(
                f"tenant {call.tenant} has no mailbox: add one with `listen-server mailboxes add`"
            )
        try:
            await self._reload()  # another process may have been faster
            if self._find(call) is None:
                key = await create_key(await self._root.provider(), str(ULID()))
                await add_mailbox(self._database, new_tenant(call.tenant), key)
                log.info("mailbox made", tenant=call.tenant, mailbox=key.public.mailbox)
                await self._reload()
        except (IndexAway, KeysAway, WrongKey) as error:
            raise SinkError(f"tenant {call.tenant} has no mailbox yet: {error}") from error
        if found := self._find(call):
            return found
        raise SinkError(f"tenant {call.tenant} has no mailbox that takes everything")

    async def look_again(self) -> None:
        """Ask now, and not at the next interval: a mailbox has been changed here."""
        await self._refresh()

    async def _keep_refreshing(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self._refresh()

    async def _refresh(self) -> None:
        try:
            await self._reload()
        except IndexAway as error:
            if self.away is None:
                log.warning("the index is away: mailboxes stay as they were", error=str(error))
            self.away = str(error)

    async def _reload(self) -> None:
        self._routing = await load_routing(self._database, self._secret)
        if self.away is not None:
            log.info("the index is back")
        self.away = None
        await asyncio.to_thread(self._write_copy, self._routing)

    # in threads

    def _write_copy(self, routing: Routing) -> None:
        data = routing.to_bytes()
        if data == self._written:
            return
        unfinished = self._copy.with_suffix(f".{ULID()}")
        try:
            with os.fdopen(create_file(unfinished), "wb") as file:
                file.write(data)
            unfinished.replace(self._copy)
        except OSError as error:
            log.warning("the copy of the mailboxes cannot be written", error=str(error))
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
        else:
            self._written = data

    def _read_copy(self) -> Routing | None:
        try:
            return Routing.from_bytes(self._copy.read_bytes(), self._secret)
        except (OSError, BadRouting) as error:
            log.warning("no copy of the mailboxes is at hand", error=type(error).__name__)
            return None
