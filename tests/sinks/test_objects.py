import asyncio
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bucket import bucket

from listen_sinks import objects
from listen_sinks.api import SinkError
from listen_sinks.objects import AT_ONCE, ObjectsAway, ObjectStore, directory_url

NAME = "v1/01K00000000000000000000000/01K00000000000000000000001.0.lsv1"


@dataclass
class Data:
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def blocks(self, size: int) -> Iterator[bytes]:
        return (self.data[at : at + size] for at in range(0, len(self.data), size))


class Liar(Data):
    """Says that it has more than it gives."""

    @property
    def size(self) -> int:
        return len(self.data) + 1


async def directory(path: Path) -> ObjectStore:
    store = ObjectStore(await asyncio.to_thread(directory_url, path))
    await store.open()
    return store


async def check_store(store: ObjectStore) -> None:
    assert await store.size(NAME) is None
    await store.delete(NAME)

    for data in (b"", b"some bytes", os.urandom(AT_ONCE + 1)):
        await store.put(NAME, Data(data))
        assert await store.size(NAME) == len(data)
        assert await store.read(NAME, 0, len(data)) == data
    assert await store.read(NAME, 5, 7) == data[5:12]
    assert await store.read(NAME, 5, 0) == b""

    await store.put(NAME, Data(b"shorter"))
    assert await store.size(NAME) == 7
    await store.delete(NAME)
    assert await store.size(NAME) is None
    with pytest.raises(ObjectsAway):
        await store.read(NAME, 0, 1)


async def test_a_directory_keeps_objects(tmp_path: Path) -> None:
    await check_store(await directory(tmp_path / "store"))


async def test_a_bucket_keeps_objects() -> None:
    async with bucket() as there:
        config = there.config
        await check_store(ObjectStore(config["store"], config["store_options"]))


async def test_what_is_kept_in_a_directory_is_for_this_user_alone(tmp_path: Path) -> None:
    store = await directory(tmp_path / "store")
    await store.put(NAME, Data(b"some bytes"))

    def modes() -> tuple[int, int]:
        file = tmp_path / "store" / NAME
        return stat.S_IMODE((tmp_path / "store").stat().st_mode), stat.S_IMODE(file.stat().st_mode)

    assert await asyncio.to_thread(modes) == (0o700, 0o600)


async def test_what_is_kept_in_a_directory_survives_power_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await directory(tmp_path / "store")
    synced: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append(str(path.relative_to(tmp_path)))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    await store.put("v1/box/name", Data(b"some bytes"))

    assert synced == ["store/v1/box/name", "store/v1/box", "store/v1", "store"]


@pytest.mark.parametrize("size", [10, AT_ONCE + 10])
async def test_an_object_that_arrives_short_is_not_stored(tmp_path: Path, size: int) -> None:
    store = await directory(tmp_path / "store")

    with pytest.raises(ObjectsAway, match="kept"):
        await store.put(NAME, Liar(bytes(size)))


async def test_a_store_that_is_away_says_so_and_is_asked_again() -> None:
    async with bucket() as there:
        config = there.config
        store = ObjectStore(config["store"], config["store_options"])
        there.link.state = "cut"
        with pytest.raises(ObjectsAway):
            await store.put(NAME, Data(b"some bytes"))
        with pytest.raises(ObjectsAway):
            await store.size(NAME)

        there.link.state = "open"
        await store.put(NAME, Data(b"some bytes"))
        assert await there.names() == {NAME}


async def test_a_store_that_hangs_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_ANSWER", 0.3)
    async with bucket() as there:
        config = there.config
        store = ObjectStore(config["store"], config["store_options"])
        there.link.state = "stuck"
        with pytest.raises(ObjectsAway):
            await store.put(NAME, Data(b"some bytes"))


async def test_a_directory_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(OSError, match="store"):
        await directory(tmp_path / "store")


@pytest.mark.parametrize(
    ("url", "options", "sentence"),
    [
        ("ftp://host/path", {}, "'ftp' is none of file, s3, gs, az"),
        ("store", {}, "is none of"),
        ("file:///tmp/store", {"region": "x"}, "a directory has no options"),
        ("s3://bucket", {"no_such_option": "1"}, "store: "),
    ],
)
def test_what_cannot_work_is_told_at_once(url: str, options: dict[str, str], sentence: str) -> None:
    with pytest.raises(SinkError, match=sentence):
        ObjectStore(url, options)


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_every_kind_of_bucket_can_be_named(scheme: str) -> None:
    options = {"az": {"account_name": "a"}, "s3": {"region": "r"}}.get(scheme, {})

    ObjectStore(f"{scheme}://name/prefix", options)
