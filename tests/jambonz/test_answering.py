"""A method that raises, is late or talks nonsense: the caller hears a sentence, the log has it."""

import json
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import httpx2
import pytest
import structlog
from harness import until
from jambonz.desk import Wrong
from jambonz.peer import Http, Platform, Socket, up
from structlog.testing import capture_logs

from listen_server.jambonz import served

APOLOGY = [{"verb": "say", "text": "That did not work."}, {"verb": "hangup"}]
FAILED = "a method of the call application failed"
LATE = "a method of the call application was late"


@pytest.fixture(params=["webhooks", "websocket"])
async def wrong(request: pytest.FixtureRequest) -> AsyncIterator[Platform]:
    async with (
        up(served(Wrong())) as address,
        httpx2.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        if request.param == "webhooks":
            yield Http(client, f"http://{address}")
        else:
            socket = await Socket.open(address)
            yield socket
            await socket.close()


@pytest.mark.parametrize(
    ("to", "event"),
    [
        ("raises", FAILED),
        ("sleeps", LATE),
        ("clings", LATE),
        ("nothing", FAILED),
        ("wrong", FAILED),
        ("models", FAILED),
        ("no json", FAILED),
        ("no verbs", FAILED),
    ],
)
async def test_a_call_that_its_method_fails_hears_a_sentence_and_the_log_has_it_once(
    wrong: Platform, to: str, event: str
) -> None:
    began = monotonic()

    with capture_logs() as logs:
        verbs = await wrong.new(to=to)

    assert verbs == APOLOGY
    assert [(one["event"], one["method"]) for one in logs] == [(event, "Wrong.on_call")]
    assert monotonic() - began < 5


async def test_a_call_after_one_that_failed_is_served(wrong: Platform) -> None:
    await wrong.hook("/blocks")

    assert await wrong.new(to="+15551230002") == [{"verb": "say", "text": "fine"}]


async def test_a_plain_method_that_blocks_is_late_and_stops_nobody(wrong: Platform) -> None:
    with capture_logs() as logs:
        verbs = await wrong.hook("/blocks")

    assert verbs == APOLOGY
    assert [one["event"] for one in logs] == [LATE]


async def test_verbs_that_a_wait_hook_may_not_answer_are_not_sent(wrong: Platform) -> None:
    with capture_logs() as logs:
        verbs = await wrong.hook("/waiting", queue_position=1)

    assert verbs == [APOLOGY[0], {"verb": "pause", "length": 10}]
    assert [one["event"] for one in logs] == [FAILED]
    assert "the wait hook of enqueue takes" in logs[0]["error"]["says"]


async def test_a_notice_that_fails_says_nothing_to_the_caller(wrong: Platform) -> None:
    with capture_logs() as logs:
        verbs = await wrong.hook("/told")

    assert verbs == []
    assert [one["event"] for one in logs] == [FAILED]


async def test_a_status_that_fails_is_logged_once(wrong: Platform) -> None:
    with capture_logs() as logs:
        await wrong.status("ringing")
        await until(lambda: logs)

    assert [(one["event"], one["method"]) for one in logs] == [(FAILED, "Wrong.on_status")]


async def test_verbs_too_large_for_the_websocket_become_the_sentence() -> None:
    async with up(served(Wrong())) as address:
        socket = await Socket.open(address)
        with capture_logs() as logs:
            verbs = await socket.new(to="large")
        await socket.close()

    assert verbs == APOLOGY
    assert "24064" in logs[0]["error"]["says"]


async def test_the_log_tells_the_call_but_nothing_that_was_said(wrong: Platform) -> None:
    with capture_logs() as logs:
        await wrong.new(to="models")

    assert "7b0c7a52" in logs[0]["call"]
    assert "own-secret" not in json.dumps(logs, default=_sentence)


async def test_logs_that_nobody_has_set_up_show_no_variable_of_the_method(
    wrong: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    before = structlog.get_config()
    structlog.reset_defaults()  # as in `uvicorn desk:app`
    try:
        await wrong.new(to="raises", **{"from": "+15551239999"})
    finally:
        structlog.configure(**before)

    shown = capsys.readouterr().out
    assert "Wrong.on_call" in shown
    assert "ValueError" in shown
    assert "desk.py" in shown
    assert "5551239999" not in shown
    assert "own-secret" not in shown


def _sentence(value: Any) -> str:
    return str(value)
