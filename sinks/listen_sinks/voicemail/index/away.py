"""Which errors of a driver mean that the database is away for now. errors.py has the answer."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from listen_sinks.voicemail.index.errors import IndexAway

_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: "is locked",
    sqlite3.SQLITE_LOCKED: "is locked",
    sqlite3.SQLITE_PROTOCOL: "is locked",
    sqlite3.SQLITE_READONLY: "cannot be written",
    sqlite3.SQLITE_PERM: "cannot be written",
    sqlite3.SQLITE_IOERR: "cannot be read or written",
    sqlite3.SQLITE_FULL: "has no room left on its disk",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_NOTADB: "is damaged",
}
_PRIMARY: Final = 0xFF  # the low byte of an extended result code

# SQLSTATE, appendix A of PostgreSQL's manual: classes, and single codes of mixed classes.
_POSTGRES: Final = {
    "08": "cannot be reached",
    "28": "does not let us in",
    "53": "has no room or no connection left",
    "57": "is shutting down or starting up",
    "58": "cannot read or write its disk",
    "25006": "cannot be written",  # a standby, until it is promoted
    "3D000": "is not there",
    "40001": "was busy with the same rows",
    "40P01": "was busy with the same rows",
    "55P03": "is locked",
}


@contextmanager
def told_as_away() -> Iterator[None]:
    """Turn what a driver raises while the database is away into IndexAway."""
    try:
        yield
    except (PoolTimeout, TimeoutError) as error:
        raise IndexAway("the index does not answer in time") from error
    except DBAPIError as error:
        fault = _fault(error)
        if fault is None:
            raise
        raise IndexAway(f"the index {fault}") from error
    except OSError as error:
        raise IndexAway("the index cannot be reached") from error


def _fault(error: DBAPIError) -> str | None:
    cause = error.orig
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & _PRIMARY)
    state = getattr(cause, "sqlstate", None) or ""
    fault = _POSTGRES.get(state) or _POSTGRES.get(state[:2])
    gone = error.connection_invalidated or isinstance(error, InterfaceError)
    return fault or ("cannot be reached" if gone else None)
