"""What the platform does beside hooks, taken by an application of our own package."""

# ruff: noqa: ARG002 - every method is given its call, used or not

import httpx2
import pytest
from jambonz.peer import up
from simulator.platform.raw_app import called, dialogue

from listen_server.jambonz import (
    Call,
    CallApplication,
    CallHook,
    Dial,
    Hangup,
    Pause,
    Phone,
    Say,
    Verbs,
    hook,
    notice,
    served,
)
from listen_server.jambonz.verbs import Target
from listen_server.simulator.platform import RestApi, rest_api

NUMBER = "+15550100003"
TOKEN = "key-1"  # noqa: S105 - of this test


class Splitting(CallApplication):
    """Has the leg that it dials taken out of the dial."""

    def __init__(self, rest: RestApi, http: httpx2.AsyncClient) -> None:
        self.rest = rest
        self.http = http
        self.adults: list[str | None] = []

    async def on_call(self, call: Call) -> Verbs:
        target: list[Target] = [Phone(number=NUMBER)]
        dial = Dial(target=target, dtmf_capture=["*1"], dtmf_hook="/keys")
        return [dial, Say(text="hello"), Hangup()]

    async def on_adulting(self, call: Call) -> None:
        self.adults.append(call.told.to)

    @notice("/keys")
    async def keys(self, call: Call, told: CallHook) -> None:
        url = f"{self.rest.url}/Accounts/{told.account_sid}/Calls/{told.call_sid}"
        await self.http.put(url, json={"child_call_hook": "/alone"})

    @hook("/alone")
    async def alone(self, call: Call) -> Verbs:
        return [Say(text="you are alone"), Pause(length=100)]


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_a_leg_that_becomes_a_call_of_its_own_is_told(scheme: str) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        rest_api(TOKEN) as rest,
        httpx2.AsyncClient(verify=False, trust_env=False, headers=headers) as http,
    ):
        app = Splitting(rest, http)
        async with up(served(app)) as address:
            party = f"party {NUMBER} answers after 1 for 30"
            outcome = await called(f"{scheme}://{address}", party, "5 press *1", rest=rest)

    assert not outcome.refusals
    assert f"[{NUMBER}] says 'you are alone'" in dialogue(outcome)
    assert app.adults == [NUMBER]
