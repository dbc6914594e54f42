"""What the server writes down: one JSON object a line. Never audio, digits, numbers, metadata.

An exception is written as its type and the places it went through. Its words stay out, because
they may quote what a caller sent; errors of our own, whose sentences are ours, keep them.
"""

import errno
import json
import logging
import re
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from listen_server.errors import ListenServerError
from listen_server.log_writer import LogWriter
from listen_sinks.api import ControlError, SinkError

ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]
_PLACES: Final = 8  # innermost frames that are written
_VALUE: Final = re.compile(r"[\n:=(<{\[\"']")  # begins what a library has put in by itself
_INNER: Final = 4  # errors of a group that are written


def set_up_logs(*, level: str = "info", human: bool | None = None, in_thread: bool = False) -> None:
    """Send our logs and the libraries' to standard error; for people if it is a terminal.

    `in_thread` is for who has calls: a reader of standard error that stops does not stop them.
    """
    human = sys.stderr.isatty() if human is None else human
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _without_words,
    ]
    last: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
        if human
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _HandlerInThread(sys.stderr, last) if in_thread else _Handler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            use_get_message=False,
            foreign_pre_chain=[*shared[:2], _foreign, _without_words],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets", "asyncio"):
        logging.getLogger(noisy).setLevel("WARNING")  # at INFO they name paths and addresses
    logging.getLogger("alembic").setLevel("WARNING")  # at INFO it tells of itself, when imported
    logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out what a line of ours tells with its count (run.py, Reports)."""
    return record.msg != "Invalid HTTP request received."


class _Handler(logging.StreamHandler[TextIO]):
    """Says that a line could not be written; the standard library would quote it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name
        """Leave out what the line said."""
        kind = type(sys.exc_info()[1]).__name__
        line = {"event": "line not written", "level": "error", "from": record.name, "type": kind}
        with suppress(Exception):
            self._put(json.dumps(line))

    def _put(self, line: str) -> None:
        self.stream.write(f"{line}\n")


class _HandlerInThread(_Handler):
    """Waits for nobody who reads the log, but at the end of the process, and not for long."""

    def __init__(self, stream: TextIO, render: Processor) -> None:
        super().__init__(stream)
        self._render = render
        self._writer = LogWriter(stream.fileno(), self._lost)

    def emit(self, record: logging.LogRecord) -> None:
        """Have a line written."""
        try:
            self._put(self.format(record))
        except Exception:  # noqa: BLE001 - as the standard library does
            self.handleError(record)

    def flush(self) -> None:
        """Wait until it is all written: the standard library asks for it at the end."""
        self._writer.flush()

    def _put(self, line: str) -> None:
        self._writer.put(line)

    def _lost(self, lines: int) -> str:
        said = {"event": "log lines lost: nobody read them", "lines": lines, "level": "warning"}
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return str(self._render(None, "warning", {**said, "time": now}))


def failure(error: BaseException) -> dict[str, Any]:
    """Describe an error for a log line: its type, its way, and its words if they are ours."""
    described = _described(error)
    if isinstance(error, BaseExceptionGroup):
        described["of"] = [_described(inner) for inner in error.exceptions[:_INNER]]
    if error.__cause__ is not None:
        described["because"] = _described(error.__cause__)
    return described


def _described(error: BaseException) -> dict[str, Any]:
    places = [
        f"{frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    described: dict[str, Any] = {"type": type(error).__name__, "at": places[-_PLACES:]}
    if isinstance(error, ListenServerError | SinkError | ControlError):
        described["says"] = str(error)
    if isinstance(error, OSError) and error.errno is not None:
        described["errno"] = errno.errorcode.get(error.errno)
    return described


def _without_words(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put the description of an error in the place of its traceback."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if info and info[1] is not None:
        event["error"] = failure(info[1])
    event.pop("stack_info", None)
    return event


def _foreign(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep the beginning of a library's sentence, and no value: what is filled in comes later."""
    record = event["_record"]
    words = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    event["event"] = _VALUE.split(words, maxsplit=1)[0].strip()
    event["library"] = record.name
    event["at"] = f"{record.filename}:{record.lineno}"
    return event
