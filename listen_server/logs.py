"""What the server writes down: one JSON object a line. Never audio, digits, numbers, metadata.

An exception is written as its type and the places it went through. Its words stay out, because
they may quote what a caller sent; errors of our own, whose sentences are ours, keep them.
"""

import logging
import sys
import traceback
from types import TracebackType
from typing import Any, Final, TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from listen_server.errors import ListenServerError
from listen_sinks.api import SinkError

ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]
_PLACES: Final = 8  # innermost frames that are written


def set_up_logs(*, level: str = "info", human: bool | None = None) -> None:
    """Send our logs and the libraries' to standard error; for people if it is a terminal."""
    human = sys.stderr.isatty() if human is None else human
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _without_words,
    ]
    last: Processor = (
        structlog.dev.ConsoleRenderer(pad_event_to=0)
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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:2], _foreign, _without_words],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets", "asyncio"):
        logging.getLogger(noisy).setLevel("WARNING")  # at INFO they name paths and addresses


def failure(error: BaseException) -> dict[str, Any]:
    """Describe an error for a log line: its type, its way, and its words if they are ours."""
    frames = traceback.extract_tb(error.__traceback__)[-_PLACES:]
    described: dict[str, Any] = {
        "type": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, ListenServerError | SinkError):
        described["says"] = str(error)
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
    """Keep a library's sentence without the values filled into it."""
    record = event["_record"]
    event["event"] = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    event["library"] = record.name
    event["positional_args"] = None
    event.pop("positional_args")
    if record.exc_info:
        event["exc_info"] = record.exc_info
    return event
