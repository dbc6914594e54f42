"""The address of the application, as a browser, jambonz and strangers meet it."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from voicemail.machine import PATH, Machine, machine

from listen_server.jambonz.signature import HEADER, sign
from listen_server.simulator.platform import AppAddress

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
CALL = {"call_sid": "7b0c7a52-0d1f-4b36-9f5e-0a4f6f2b1c11", "to": "+15550999999"}


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Machine]:
    async with machine(tmp_path_factory.mktemp("server")) as made:
        yield made


async def ask(
    app: AppAddress, method: str = "GET", *, known: bool = False, **options: object
) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        auth = (app.username, app.password) if known else None
        return await client.request(method, app.url, auth=auth, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [PATH, f"{PATH}/", f"{PATH}/owner", f"{PATH}/owner/"])
async def test_a_browser_sees_what_it_is_and_what_to_enter(server: Machine, path: str) -> None:
    app = server.app("http", path)

    response = await ask(app, headers=BROWSER)

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    base = f"127.0.0.1:{server.server.port}{PATH}"
    for address in (f"http://{base}", f"ws://{base}/owner", f"http://{base}/call-status"):
        assert f"<code>{address}</code>" in response.text
    assert "with <code>ws</code> the same as the calling\nwebhook" in response.text
    assert "listen-server credentials add" in response.text
    assert app.password not in response.text
    assert '<html lang="en">' in response.text


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
async def test_whoever_brings_no_hook_sees_it_too(server: Machine, path: str) -> None:
    app = server.app("http", path)

    shown = await ask(app)
    hook = await ask(app, known=True, params=CALL)
    strangers = await ask(app, params={"callSid": "1"})
    unnamed = await ask(app, known=True)

    assert (shown.status_code, shown.headers["content-type"][:9]) == (200, "text/html")
    assert [verb["verb"] for verb in hook.json()] == ["say", "hangup"]
    assert (strangers.status_code, unnamed.status_code) == (401, 400)


async def test_the_page_runs_no_script_and_takes_no_word_of_a_stranger(server: Machine) -> None:
    headers = {**BROWSER, "host": 'evil"><script>x</script>'}

    response = await ask(server.app(), headers=headers)

    assert "<script" not in response.text


async def test_a_stranger_gets_no_answer_of_the_application(server: Machine) -> None:
    answers = [await ask(server.app(), "POST", json=CALL), await ask(server.app(), params=CALL)]

    assert [answer.status_code for answer in answers] == [401, 401]


async def test_jambonz_is_answered_by_get_as_well(server: Machine) -> None:
    response = await ask(server.app(), known=True, params=CALL)

    (says, hangup) = response.json()
    assert (says["verb"], hangup["verb"]) == ("say", "hangup")


async def test_a_browser_that_names_a_call_is_jambonz(server: Machine) -> None:
    response = await ask(server.app(), known=True, params=CALL, headers=BROWSER)

    assert response.headers["content-type"] == "application/json"


async def test_signed_hooks_need_no_user_and_are_the_tenants_of_the_settings(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    wanted = {"secrets": ["whsec-1"], "tenant": "acme"}
    async with machine(tmp_path_factory.mktemp("server"), voicemail=wanted) as made:
        number, _ = await made.box()
        app = made.app()
        signed = AppAddress(url=app.url, secret="whsec-1")  # noqa: S106 - of the test
        outcome = await made.call_at(signed, number, "1 hang up")
        unsigned = await ask(app, "POST", known=True, json=CALL)
        body = b'{"call_sid": "1"}'
        forged = await ask(app, "POST", content=body, headers={HEADER: sign(body, "other", 1)})
        by_get = await ask(app, params=CALL)

    assert outcome.refusals == ()
    assert "listen" in str(outcome.screenplay.lines[2])
    assert (unsigned.status_code, forged.status_code) == (403, 403)
    assert by_get.status_code == 401


async def test_it_can_be_turned_off(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("server")
    async with machine(folder, voicemail={"enabled": False}) as made:
        response = await ask(made.app(), headers=BROWSER)

    assert response.status_code == 404
