"""An SQLite index with empty tables, made once by the program and copied to where a test wants it.

The tests of upgrade.py and of files that are not there yet make theirs from nothing.
"""

import asyncio
import tempfile
from functools import cache
from pathlib import Path

from listen_sinks.voicemail.index.database import Database


def lay_tables(folder: Path) -> None:
    """Put an index with empty tables into a folder, unless it has one. Blocks."""
    index = folder / "index.db"
    if not index.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        index.touch(mode=0o600)
        index.write_bytes(_empty())


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:

        async def make() -> None:
            database = Database(f"sqlite+aiosqlite:///{folder}/index.db")
            await database.open()
            await database.close()

        asyncio.run(make())
        return Path(folder, "index.db").read_bytes()
