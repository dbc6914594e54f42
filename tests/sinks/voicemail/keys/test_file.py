import asyncio
import base64
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from key_contract import CONTEXT, SECRET, KeyProviderContract, opened, shapes
from lsv1_spec import expand

from listen_sinks.api import SinkError
from listen_sinks.voicemail.keys import KeyProvider, KeysAway, WrongKey
from listen_sinks.voicemail.keys.file import FileConfig, FileKeys
from listen_sinks.voicemail.keys.roots import load


class TestFileKeys(KeyProviderContract):
    @pytest.fixture
    async def provider(self, tmp_path: Path) -> AsyncIterator[KeyProvider]:
        async with opened("file", {}, tmp_path) as provider:
            yield provider


def keys(tmp_path: Path, *, create: bool = True) -> FileKeys:
    return FileKeys(FileConfig(create=create), tmp_path)


def names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


async def test_the_first_start_makes_a_root_for_its_owner_alone_and_says_to_back_it_up(
    tmp_path: Path,
) -> None:
    (notice,) = await keys(tmp_path / "data").open()

    path = tmp_path / "data" / "root.keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert notice.event == "root key made"
    assert notice.fields["path"] == str(path)
    assert "copy this file" in notice.fields["todo"]
    key = path.read_text().split()[-1]
    assert key not in str(notice)
    assert names(path.parent) == ["root.keys"]


async def test_the_second_start_says_nothing_and_opens_what_the_first_wrapped(
    tmp_path: Path,
) -> None:
    first, second = keys(tmp_path), keys(tmp_path)
    await first.open()
    wrapped = await first.wrap(SECRET, CONTEXT)

    assert await second.open() == ()

    assert await second.unwrap(wrapped, CONTEXT) == SECRET


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o660, 0o602])
async def test_a_file_that_others_may_read_is_refused_with_the_fix(
    tmp_path: Path, mode: int
) -> None:
    await keys(tmp_path).open()
    (tmp_path / "root.keys").chmod(mode)

    with pytest.raises(SinkError, match="chmod 600"):
        await keys(tmp_path).open()


async def test_a_file_that_the_group_may_read_is_taken(tmp_path: Path) -> None:
    await keys(tmp_path).open()
    (tmp_path / "root.keys").chmod(0o440)

    await keys(tmp_path).open()


async def test_a_lost_file_is_missed_and_not_replaced_where_something_was_wrapped(
    tmp_path: Path,
) -> None:
    with pytest.raises(SinkError, match="backup"):
        await keys(tmp_path).open(may_create=False)
    with pytest.raises(SinkError, match="backup"):
        await keys(tmp_path, create=False).open()

    assert names(tmp_path) == []


async def test_after_a_rotation_new_values_need_the_new_root_and_old_ones_still_open(
    tmp_path: Path,
) -> None:
    running, command = keys(tmp_path), keys(tmp_path)
    await running.open()
    before = await running.wrap(SECRET, CONTEXT)
    file = tmp_path / "root.keys"
    old_file = file.read_text()

    (notice,) = await command.rotate()

    assert notice.event == "root key added"
    assert await running.unwrap(before, CONTEXT) == SECRET
    after = await running.wrap(SECRET, CONTEXT)
    anew = await running.rewrap(before, CONTEXT)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:-2], lines[-1]]))
    assert await running.unwrap(after, CONTEXT) == SECRET
    assert await running.unwrap(anew, CONTEXT) == SECRET
    with pytest.raises(WrongKey, match="not in the file"):
        await running.unwrap(before, CONTEXT)
    file.write_text(old_file)
    with pytest.raises(WrongKey, match="not in the file"):
        await running.unwrap(after, CONTEXT)


async def test_a_file_that_is_lost_while_it_runs_means_keys_away_until_it_is_back(
    tmp_path: Path,
) -> None:
    provider = keys(tmp_path)
    await provider.open()
    wrapped = await provider.wrap(SECRET, CONTEXT)
    (tmp_path / "root.keys").rename(tmp_path / "elsewhere")

    with pytest.raises(KeysAway):
        await provider.unwrap(wrapped, CONTEXT)

    (tmp_path / "elsewhere").rename(tmp_path / "root.keys")
    assert await provider.unwrap(wrapped, CONTEXT) == SECRET


async def test_a_file_that_cannot_be_made_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")

    with pytest.raises(SinkError, match="data"):
        await keys(tmp_path / "data").open()


async def test_what_is_wrapped_is_what_the_page_says_to_the_byte(tmp_path: Path) -> None:
    provider = keys(tmp_path)
    await provider.open()
    wrapped = await provider.wrap(SECRET, {"version": "1", "mailbox": "M"})
    name, encoded = (tmp_path / "root.keys").read_text().split()[-2:]
    root = base64.b64decode(encoded)

    context = b'{"mailbox":"M","version":"1"}'
    associated = b"listen_server/lsv1/root\0" + bytes.fromhex(name) + context
    assert wrapped[:12] == b"LSR1" + bytes.fromhex(name)
    assert AESGCM(root).decrypt(wrapped[12:24], wrapped[24:], associated) == SECRET
    assert expand(root, b"listen_server/lsv1/root-id\0", 8).hex() == name


async def test_the_root_shows_nowhere(tmp_path: Path) -> None:
    provider = keys(tmp_path)
    await provider.open()
    encoded = (tmp_path / "root.keys").read_text().split()[-1]

    (root,) = await asyncio.to_thread(load, tmp_path / "root.keys")

    for shown in (repr(provider), str(vars(provider)), repr(root)):
        assert encoded not in shown
        assert not any(form in shown for form in shapes(root.key))
