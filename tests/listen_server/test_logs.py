"""What is written down, and what never is: nobody's words but ours."""

import asyncio
import gc
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from listen_server.errors import ConfigError
from listen_server.logs import failure, set_up_logs
from listen_sinks.api import ControlError, SinkError

CANARY = "canary-4d1f"
_LIBRARIES = ("uvicorn", "websockets", "asyncio", "alembic")
log = structlog.get_logger("ours")

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in _LIBRARIES}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def fail(error: BaseException) -> None:
    raise error


def raised(error: BaseException) -> BaseException:
    try:
        fail(error)
    except BaseException as caught:  # noqa: BLE001 - it is what was asked for
        return caught
    raise AssertionError


def test_a_line_is_one_json_object(lines: Lines) -> None:
    set_up_logs(level="debug", human=False)
    log.info("stream ended", stream="01J", seconds=1.5, flags=["a", "b"], nothing=None)

    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "stream ended",
        "level": "info",
        "stream": "01J",
        "seconds": 1.5,
        "flags": ["a", "b"],
        "nothing": None,
    }


def test_line_feeds_and_odd_characters_cannot_make_a_line_of_their_own(lines: Lines) -> None:
    set_up_logs(level="debug", human=False)
    log.warning("refused", offered='a\n{"event": "forged"}\x1b[2J\u2028')

    (line,) = lines()
    assert line["offered"] == 'a\n{"event": "forged"}\x1b[2J\u2028'


def test_what_is_no_json_is_written_all_the_same(lines: Lines) -> None:
    set_up_logs(level="debug", human=False)
    log.info("odd", value=object(), number=float("nan"))

    assert lines()[0]["event"] == "odd"


@pytest.mark.parametrize("human", [False, True])
def test_an_exceptions_words_are_not_written(
    capsys: pytest.CaptureFixture[str],
    human: bool,  # noqa: FBT001 - a case, not an option
) -> None:
    set_up_logs(level="debug", human=human)
    error = ValueError(CANARY)
    error.__cause__ = OSError(28, CANARY)
    try:
        fail(error)
    except ValueError:
        log.exception("internal error", stream="01J", stack_info=True)
        logging.getLogger("library").exception("went wrong", stack_info=True)
    log.error("once more", exc_info=error)

    written = capsys.readouterr().err
    assert CANARY not in written
    assert written.count("ValueError") == 3
    assert written.count("ENOSPC") == 3
    assert "test_logs.py" in written


def test_an_error_is_written_as_its_type_and_its_way(lines: Lines) -> None:
    set_up_logs(level="debug", human=False)
    log.error("sink failed", error=failure(raised(KeyError(CANARY))))

    error = lines()[0]["error"]
    assert error["type"] == "KeyError"
    assert "says" not in error
    assert [place.rpartition(" ")[2] for place in error["at"]] == ["raised", "fail"]
    assert all(place.partition(":")[0].endswith("test_logs.py") for place in error["at"])


@pytest.mark.parametrize("kind", [ConfigError, SinkError, ControlError])
def test_our_own_sentences_are_kept(kind: type[Exception]) -> None:
    assert failure(raised(kind("the bucket is gone")))["says"] == "the bucket is gone"


def test_an_error_of_the_system_keeps_its_number() -> None:
    assert failure(raised(OSError(28, CANARY, CANARY)))["errno"] == "ENOSPC"
    assert "errno" not in failure(raised(OSError(CANARY)))


def test_a_deep_error_is_cut_to_its_innermost_places() -> None:
    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        raise ValueError(CANARY)

    with pytest.raises(ValueError, match=CANARY) as caught:
        deeper(100)

    described = failure(caught.value)
    assert len(described["at"]) <= 8


def test_a_group_of_errors_and_a_cause_are_described_without_their_words() -> None:
    group = ExceptionGroup(CANARY, [ValueError(CANARY), SinkError("ours"), *map(OSError, "abcdef")])
    group.__cause__ = OSError(13, CANARY)

    described = failure(raised(group))

    assert CANARY not in json.dumps(described)
    assert [inner["type"] for inner in described["of"]][:2] == ["ValueError", "SinkError"]
    assert len(described["of"]) == 4
    assert described["of"][1]["says"] == "ours"
    assert described["because"]["errno"] == "EACCES"


def test_an_error_that_is_its_own_cause_ends(lines: Lines) -> None:
    set_up_logs(level="debug", human=False)
    error = ValueError(CANARY)
    error.__cause__ = error

    log.error("round", exc_info=error)

    assert lines()[0]["error"]["because"]["type"] == "ValueError"


async def test_where_a_sink_hung_is_in_the_description_of_its_timeout() -> None:
    async def hang_here() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.01):
            await hang_here()

    places = failure(caught.value)["because"]["at"]
    assert any(place.endswith(" hang_here") for place in places)


@pytest.mark.parametrize(
    ("message", "arguments", "kept"),
    [
        ("connection handler failed", (), "connection handler failed"),
        ("got %s from %r", (CANARY, CANARY), "got %s from %r"),
        ("got %(what)s", ({"what": CANARY},), "got %(what)s".partition("(")[0]),
        ("Task exception was never retrieved\nfuture: %s" % CANARY, (), "Task exception was never"),  # noqa: UP031 - as asyncio does
        (f"Exception in callback f({CANARY!r})", (), "Exception in callback f"),
        (f"cannot read: {CANARY}", (), "cannot read"),
        (f"value={CANARY}", (), "value"),
        (f"<Task {CANARY}>", (), ""),
        (f'"{CANARY}"', (), ""),
        (f"[{CANARY}]", (), ""),
        ("too few %s %s", (CANARY,), "too few %s %s"),
        ("too many", (CANARY,), "too many"),
    ],
)
def test_a_librarys_sentence_loses_its_values(
    lines: Lines, message: str, arguments: tuple[Any, ...], kept: str
) -> None:
    set_up_logs(level="debug", human=False)
    logging.getLogger("library.part").warning(message, *arguments)

    (line,) = lines()
    assert CANARY not in json.dumps(line)
    assert line["event"].startswith(kept)
    assert (line["level"], line["library"]) == ("warning", "library.part")
    assert line["at"].startswith("test_logs.py:")


def test_what_a_library_logs_instead_of_a_sentence_is_its_type(lines: Lines) -> None:
    set_up_logs(level="debug", human=False)
    logging.getLogger("library").error({"secret": CANARY})
    logging.getLogger("library").error(ValueError(CANARY))

    assert [line["event"] for line in lines()] == ["dict", "ValueError"]


def test_a_line_that_cannot_be_written_does_not_quote_itself(lines: Lines) -> None:
    set_up_logs(level="debug", human=False)

    class Unprintable:
        def __repr__(self) -> str:
            raise ValueError(CANARY)

    log.error("odd", value=Unprintable(), more=CANARY)
    log.error("next")

    lost, written = lines()
    assert lost == {
        "event": "line not written",
        "level": "error",
        "from": "ours",
        "type": "ValueError",
    }
    assert written["event"] == "next"


def test_an_error_in_a_forgotten_task_is_written_without_its_words(lines: Lines) -> None:
    set_up_logs(human=False)

    async def forgotten() -> None:
        raise ValueError(CANARY)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(forgotten(), name=CANARY)
        await asyncio.wait([task])
        error = ValueError(CANARY)
        loop.call_exception_handler({"message": "lost", "exception": error, "task": task})
        loop.call_soon(fail, error)
        await asyncio.sleep(0)

    asyncio.run(run())
    gc.collect()

    written = lines()
    assert CANARY not in json.dumps(written)
    assert [line["event"] for line in written] == [
        "lost",
        "Exception in callback fail",
        "Task exception was never retrieved",
    ]
    assert {line["error"]["type"] for line in written} == {"ValueError"}


def test_chatty_libraries_say_only_what_matters(lines: Lines) -> None:
    set_up_logs(level="debug", human=False)
    for name in ("uvicorn.error", "websockets.server", "asyncio", "alembic.runtime.plugins"):
        logging.getLogger(name).info("192.0.2.1 GET /listen/secret")
        logging.getLogger(name).warning("matters")

    assert [line["event"] for line in lines()] == ["matters"] * 4


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(level="warning", human=False)

    log.info("no")
    log.warning("yes")
    logging.getLogger("library").info("no")

    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["yes"]


def test_setting_up_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(human=False)
    set_up_logs(human=False)

    log.info("once")

    assert len(capsys.readouterr().err.splitlines()) == 1


def test_people_get_text(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(human=True)

    log.info("stream ended", seconds=1.5)
    logging.getLogger("library").warning("got %s", CANARY)

    written = capsys.readouterr().err
    assert "stream ended" in written
    assert not written.startswith("{")
    assert CANARY not in written
