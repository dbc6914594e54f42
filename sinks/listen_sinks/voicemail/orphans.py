"""Objects in the store that the index does not know: noise, as nothing has a key to them.

store.py checks the other way round: parts whose object is not there.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

from listen_sinks.objects import Found, ObjectStore
from listen_sinks.voicemail.index.database import Database
from listen_sinks.voicemail.index.parts import known_objects

YOUNG: Final = timedelta(hours=1)
"""An object this young may be on its way into the index: shipping puts it into the store first."""

Kind: TypeAlias = Literal["erased", "unknown", "foreign"]
"""erased: of a message or part that was erased. unknown: of one that is not in this index.
foreign: its name is none that this server makes."""

_NAME: Final = re.compile(
    r"v1/[0-7][0-9A-HJKMNP-TV-Z]{25}/(?P<message>[0-7][0-9A-HJKMNP-TV-Z]{25})"
    r"\.(?P<part>\d{1,10})\.lsv1(\.\d+)?"
)


@dataclass(frozen=True, slots=True)
class Orphan:
    """An object that no message has."""

    name: str
    size: int  # bytes
    kind: Kind


async def find_orphans(
    database: Database, objects: ObjectStore, now: datetime | None = None
) -> AsyncIterator[tuple[int, Sequence[Orphan]]]:
    """Go through the whole store; yield how many objects were looked at, and which are orphans.

    Those that are young are passed over. Raises ObjectsAway, IndexAway.
    """
    before = (now or datetime.now(UTC)) - YOUNG
    async for page in objects.found():
        old = [one for one in page if one.written_at <= before]
        yield len(page), await _orphans(database, old)


async def _orphans(database: Database, found: Sequence[Found]) -> list[Orphan]:
    named = {
        one.name: (match["message"], int(match["part"]))
        for one in found
        if (match := _NAME.fullmatch(one.name))
    }
    known, erased = await known_objects(database, set(named.values()))
    return [
        Orphan(one.name, one.size, _kind(named.get(one.name), erased))
        for one in found
        if one.name not in known
    ]


def _kind(part: tuple[str, int] | None, erased: set[tuple[str, int]]) -> Kind:
    if part is None:
        return "foreign"
    return "erased" if part in erased else "unknown"
