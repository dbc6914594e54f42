"""Who may bring hooks, and whose mailboxes they are about: the credential says it, nothing else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from voicemail.machine import PATH, Machine, machine
from voicemail_theatre import CHEAP

from listen_server.credentials import CredentialStore, NewCredential
from listen_sinks.voicemail.pins import Pins

PIN = "4711"


@dataclass
class Peers:
    """A server of two tenants, and who brings hooks."""

    server: Machine
    other: NewCredential
    recorder: NewCredential
    client: httpx2.AsyncClient

    async def post(self, who: NewCredential, path: str, **body: Any) -> Any:
        """Bring a hook; return its verbs, or the status where there are none."""
        response = await self.client.post(
            self.server.app(path=f"{PATH}{path}").url,
            json={"call_sid": "call-1", **body},
            auth=(who.credential.user, who.secret),
        )
        return response.json() if response.status_code == 200 else response.status_code

    async def owner(self) -> tuple[str, Any]:
        """Let an owner in; return the mailbox's number, and what the call carries then."""
        number, box = await self.server.box()
        secret = await asyncio.to_thread(self.server.plugin.number_secret)
        pins = Pins(self.server.plugin.database, secret, cost=CHEAP)
        await pins.set(box.id, PIN, must_change=False)
        own = self.server.credential
        tag, _ = await self.post(own, "/owner", **{"from": number})
        tag, says = await self.post(own, "/owner/pin", customer_data=tag["data"], digits=PIN)
        assert "You have no messages" in says["say"]["text"]
        return number, tag["data"]


@pytest.fixture(scope="module")
async def peers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Peers]:
    folder = tmp_path_factory.mktemp("server")

    def add() -> tuple[NewCredential, NewCredential]:
        store = CredentialStore(folder)
        return store.add("other"), store.add("acme", scopes=("record",))

    other, recorder = await asyncio.to_thread(add)
    async with machine(folder) as server, httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        yield Peers(server, other, recorder, client)


async def test_a_tenant_reaches_no_mailbox_of_another(peers: Peers) -> None:
    number, _ = await peers.owner()

    (says, _) = await peers.post(peers.other, "", to=number, tenant="acme")
    _, asks = await peers.post(peers.other, "/owner", **{"from": number})

    assert "takes no messages" in says["text"]
    assert asks["say"]["text"].startswith("Please enter the number of your mailbox")


@pytest.mark.parametrize("hook", ["menu", "message", "introduction", "deleted", "greeting"])
async def test_what_a_call_carries_opens_nothing_for_another_call_or_tenant(
    peers: Peers, hook: str
) -> None:
    _, carried = await peers.owner()
    own = peers.server.credential

    for who, sid in ((peers.other, "call-1"), (own, "call-2")):
        body = {"call_sid": sid, "customer_data": carried, "digits": "1"}
        _, asks = await peers.post(who, f"/owner/{hook}", **body)
        assert asks["say"]["text"].startswith("Sorry, let us begin again. Please enter the number")


async def test_what_a_call_carries_is_no_address_of_audio(peers: Peers) -> None:
    _, carried = await peers.owner()
    (token,) = carried.values()

    for path in (f"audio/{token}.wav", f"mail/{token}"):
        response = await peers.client.get(peers.server.app(path=f"{PATH}/{path}").url)
        assert response.status_code == 404


async def test_a_recorders_credential_brings_no_hooks(peers: Peers) -> None:
    assert await peers.post(peers.recorder, "", to="+15550100001") == 401
