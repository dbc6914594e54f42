"""Webhooks under a real uvicorn: who is let in, and what becomes of bodies that are no hooks."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from jambonz.desk import Desk
from jambonz.peer import CALL, Http, Socket, up
from starlette.applications import Starlette
from starlette.routing import Mount

from listen_server.credentials import basic_header
from listen_server.jambonz import Access, Addresses, Served, served
from listen_server.jambonz.webhooks import MAX_BODY

SECRET, OTHER = "own-webhook-secret", "own-webhook-secret-2"
NOW = 1_750_000_000
BODY = json.dumps(CALL).encode()
ANN = {"Authorization": basic_header("ann", "own-password")}


@asynccontextmanager
async def webhooks(
    desk: Desk | None = None, *, secret: str | None = None, **options: Any
) -> AsyncIterator[Http]:
    """Serve a desk over HTTP."""
    app = served(desk or Desk(), **options)
    async with up(app) as address, httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        yield Http(client, f"http://{address}", secret)


NO_HOOKS = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b'"call"',
    b"null",
    b"[" * 100_000,
    b"{}",
    b'{"call_sid": 5.5e400}',
    b'{"call_sid": null}',
    b'{"call_sid": ["a"]}',
    b'{"call_sid": "a", "from": {"number": "1"}}',
    b'{"call_sid": "a", "sip_status": "INVITE", "speech": "hello"}',
]


@pytest.mark.parametrize("path", ["/", "/chosen", "/call-status"])
async def test_a_body_that_is_no_hook_is_refused_with_a_sentence(path: str) -> None:
    async with webhooks(desk := Desk()) as http:
        responses = [await http.post(path, body) for body in NO_HOOKS]

    assert [response.status_code for response in responses] == [400] * len(NO_HOOKS)
    assert all(response.json()["error"] for response in responses)
    assert desk.log == []


async def test_a_hook_that_there_is_not_is_not_found() -> None:
    async with webhooks() as http:
        response = await http.post("/nothing", BODY)

    assert response.status_code == 404


async def test_a_body_of_one_mebibyte_is_read_and_a_larger_one_is_not() -> None:
    padding = MAX_BODY - len(json.dumps({**CALL, "more": ""}))
    exact = json.dumps({**CALL, "more": "a" * padding}).encode()

    async def piecemeal() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 65536

    async with webhooks(desk := Desk()) as http:
        taken = await http.post("/", exact)
        refused = await http.post("/", exact + b" ")
        unannounced = await http._client.post(http._base + "/", content=piecemeal())

    assert len(exact) == MAX_BODY
    assert (taken.status_code, refused.status_code, unannounced.status_code) == (200, 413, 413)
    assert len(desk.log) == 1


async def test_a_call_webhook_by_get_is_read_from_its_query() -> None:
    async with webhooks(desk := Desk()) as http:
        query = {"callSid": "a", "from": "+15551230001", "sipStatus": "100"}
        response = await http._client.get(http._base + "/", params=query)
        wrong = await http._client.get(http._base + "/")

    assert response.status_code == 200
    assert desk.log == [("call", "+15551230001", False)]
    assert wrong.status_code == 400


async def test_addresses_are_whole_where_one_is_configured_and_below_the_prefix_without() -> None:
    whole = Addresses(web="https://app.example.com")

    async with webhooks(prefix="/desk") as http:
        plain = await http.hook("/desk")
    async with webhooks(prefix="/desk", addresses=whole) as http:
        absolute = await http.hook("/desk/")

    assert plain[1]["actionHook"] == "/desk/chosen"
    assert absolute[1]["actionHook"] == "https://app.example.com/desk/chosen"


async def test_hooks_are_below_what_an_application_is_mounted_at_and_then_its_prefix() -> None:
    below = Mount("/apps", routes=Served(Desk(), prefix="/desk").routes)
    async with up(Starlette(routes=[below])) as address, httpx2.AsyncClient(trust_env=False) as c:
        verbs = await (http := Http(c, f"http://{address}")).hook("/apps/desk")
        again = await http.hook(verbs[1]["actionHook"].replace("chosen", "again"))

    assert verbs[1]["actionHook"] == "/apps/desk/chosen"
    assert again == [{"verb": "say", "text": "Once more."}]


async def test_without_authentication_a_hook_names_this_machine_or_what_is_configured() -> None:
    named = Addresses(web="https://desk.example/apps")

    async with webhooks(addresses=named) as http:
        statuses = [
            (await http.post("/", BODY, {"Host": host})).status_code
            for host in ("desk.example", "localhost", "evil.example")
        ]

    assert statuses == [200, 200, 403]


class TestBasic:
    ACCESS = Access(users={"ann": "own-password"})

    async def test_the_right_user_is_let_in_and_nobody_else(self) -> None:
        wrong = {"Authorization": basic_header("ann", "own-password-2")}
        nobody = {"Authorization": basic_header("bob", "")}

        async with webhooks(access=self.ACCESS) as http:
            statuses = [
                (await http.post("/", BODY, headers)).status_code
                for headers in (ANN, wrong, nobody, {}, {"Authorization": "Bearer a"})
            ]
            asked = await http.post("/", BODY)

        assert statuses == [200, 401, 401, 401, 401]
        assert asked.headers["WWW-Authenticate"] == 'Basic realm="jambonz"'

    async def test_who_guesses_is_slowed_down_and_finds_nothing(self) -> None:
        access = Access(users={"ann": "own-password"})
        guesses = [{"Authorization": basic_header("ann", f"guess-{n}")} for n in range(12)]

        async with webhooks(access=access) as http:
            answers = [await http.post("/", BODY, guess) for guess in guesses]
            found = await http.post("/", BODY, ANN)

        assert [one.status_code for one in answers] == [401] * 10 + [429] * 2
        assert int(answers[-1].headers["Retry-After"]) in range(1, 11)
        assert found.status_code == 429  # a guess that is right is none, either

    async def test_who_guesses_behind_the_address_of_jambonz_does_not_lock_it_out(self) -> None:
        wrong = {"Authorization": basic_header("ann", "guess")}

        async with webhooks(access=Access(users={"ann": "own-password"})) as http:
            await http.post("/", BODY, ANN)
            statuses = {(await http.post("/", BODY, wrong)).status_code for _ in range(12)}
            jambonz = await http.post("/", BODY, ANN)
            without = await http.post("/", BODY)

        assert statuses == {401, 429}
        assert jambonz.status_code == 200
        assert without.status_code == 401

    async def test_a_body_is_not_read_before_its_user_is_known(self) -> None:
        async with webhooks(access=self.ACCESS) as http:
            response = await http.post("/", b" " * (MAX_BODY + 1))

        assert response.status_code == 401


class TestSigned:
    ACCESS = Access(secrets=(OTHER, SECRET), clock=lambda: NOW)

    async def test_jambonzs_own_bytes_are_let_in_and_no_others(self) -> None:
        async with webhooks(access=self.ACCESS, secret=SECRET) as http:
            headers = http.signed(BODY, NOW)
            statuses = [
                (await http.post("/", body, sent)).status_code
                for body, sent in [
                    (BODY, headers),
                    (BODY + b" ", headers),
                    (BODY, {}),
                    (BODY, {"Jambonz-Signature": "t=1,v1=zz"}),
                    (BODY, http.signed(BODY, NOW - 301)),
                    (BODY, http.signed(BODY, NOW + 301)),
                    (BODY, http.signed(BODY, NOW + 299)),
                ]
            ]

        assert statuses == [200, 403, 403, 403, 403, 403, 200]

    async def test_the_same_again_gets_the_stored_answer_and_is_not_handled_twice(self) -> None:
        async with webhooks(desk := Desk(), access=self.ACCESS, secret=SECRET) as http:
            headers = http.signed(BODY, NOW)
            first, *more = await asyncio.gather(*(http.post("/", BODY, headers) for _ in range(5)))
            elsewhere = await http.post("/again", BODY, headers)

        assert {response.content for response in more} == {first.content}
        assert len(desk.log) == 1
        assert elsewhere.json() == [{"verb": "say", "text": "Once more."}]

    async def test_a_replay_whose_header_is_written_otherwise_is_the_same_hook(self) -> None:
        async with webhooks(desk := Desk(), access=self.ACCESS, secret=SECRET) as http:
            signature = http.signed(BODY, NOW)["Jambonz-Signature"]
            stamp, v1 = signature.split(",")
            for same in (signature, f"{stamp}, {v1}", f"v1={v1[3:].upper()},{stamp},a=1"):
                answer = await http.post("/", BODY, {"Jambonz-Signature": same})
                assert answer.status_code == 200

        assert len(desk.log) == 1

    async def test_a_signed_body_that_is_no_hook_is_refused(self) -> None:
        async with webhooks(access=self.ACCESS, secret=SECRET) as http:
            response = await http.post("/", b"[]", http.signed(b"[]", NOW))

        assert response.status_code == 400

    async def test_a_get_needs_a_user_for_it_carries_no_body_that_is_signed(self) -> None:
        both = Access(secrets=(SECRET,), users={"ann": "own-password"}, clock=lambda: NOW)

        async with webhooks(access=self.ACCESS) as http:
            alone = await http._client.get(http._base + "/", params={"callSid": "a"})
        async with webhooks(access=both, secret=SECRET) as http:
            got = await http._client.get(http._base + "/", params={"callSid": "a"}, headers=ANN)
            half = await http.post("/", BODY, ANN)
            whole = await http.post("/", BODY, {**ANN, **http.signed(BODY, NOW)})

        assert (alone.status_code, got.status_code) == (403, 200)
        assert (half.status_code, whole.status_code) == (403, 200)


async def test_without_authentication_only_this_machine_is_let_in() -> None:
    async with webhooks() as http:
        here = await http.post("/", BODY)
        through = await http.post("/", BODY, {"X-Forwarded-For": "203.0.113.10"})

    assert (here.status_code, through.status_code) == (200, 403)


async def test_a_body_that_does_not_arrive_is_not_waited_for() -> None:
    made = Served(Desk())
    made.webhooks.patience = 0.1
    async with up(Starlette(routes=made.routes)) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        async with asyncio.timeout(5):
            answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()

    assert answer.startswith(b"HTTP/1.1 408")


async def test_the_status_of_a_call_that_has_a_socket_may_come_by_http() -> None:
    desk = Desk()
    made = Served(desk)
    app = Starlette(routes=made.routes)
    async with up(app) as address, httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        socket = await Socket.open(address)
        await socket.new()
        await Http(client, f"http://{address}").status("completed")
        await socket.close()

    assert desk.calls[CALL["call_sid"]].ended
    assert ("status", "completed") in desk.log


async def test_a_leg_that_becomes_a_call_of_its_own_is_told_to_the_application() -> None:
    async with webhooks(desk := Desk()) as http:
        response = await http.post("/adulting", BODY)

    assert (response.status_code, response.json()) == (200, [])
    assert desk.log == [("adulting", CALL["call_sid"])]
