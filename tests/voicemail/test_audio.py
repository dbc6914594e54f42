"""What is played to callers: exactly the samples, by addresses that say nothing and expire."""

import io
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import numpy as np
import pytest
import soundfile
from mailbox_contents import take
from sqlalchemy import select
from voicemail.machine import TENANT, Machine, machine

from listen_codecs.formats import AudioBlock, Mix
from listen_server.voicemail.desk import AUDIO, MAILED, TO_CALLER
from listen_server.voicemail.tokens import PURPOSE, Tokens
from listen_sinks.objects import ObjectsAway
from listen_sinks.testing import make_call, tone
from listen_sinks.voicemail.index.erasure import erase_message
from listen_sinks.voicemail.index.errors import IndexAway
from listen_sinks.voicemail.index.messages import delete_message, undelete_message
from listen_sinks.voicemail.index.schema import AuditRow


@dataclass
class Served:
    """A server with messages, and somebody who fetches them."""

    machine: Machine
    client: httpx2.AsyncClient
    mailbox: str
    number: str

    async def message(self, seconds: float = 1.0, mix: Mix = "mono") -> tuple[str, AudioBlock]:
        """Leave a message."""
        call = make_call(mix=mix, tenant=TENANT, to_number=self.number)
        audio = tone(call, seconds)
        await take(self.machine.plugin, call, audio)
        await self.machine.messages(self.mailbox)
        return call.stream_id, audio

    def token(self, message: str, purpose: str = AUDIO, life: float = 60, **more: Any) -> str:
        """Return the token that the server would make."""
        secret = self.machine.plugin.derive(PURPOSE)
        assert secret is not None
        data = {"t": TENANT, "b": self.mailbox, "m": message, **more}
        return Tokens(secret, lambda: time.time() - 3600).seal(purpose, data, 3600 + life)

    async def get(self, token: str, **headers: str) -> httpx2.Response:
        """Fetch."""
        return await self.client.get(self.url(token), headers=headers)

    def url(self, token: str) -> str:
        """Return an address of audio."""
        return f"http://127.0.0.1:{self.machine.server.port}/jambonz/voicemail/audio/{token}.wav"


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with (
        machine(tmp_path_factory.mktemp("server")) as made,
        httpx2.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        number, box = await made.box()
        yield Served(made, client, box.id, number)


def opened(response: httpx2.Response) -> AudioBlock:
    samples, _ = soundfile.read(io.BytesIO(response.content), dtype="int16", always_2d=True)
    return np.asarray(samples.T, np.int16)


async def test_a_message_is_heard_as_it_was_left_and_nobody_may_keep_it(served: Served) -> None:
    message, audio = await served.message()

    response = await served.get(served.token(message))

    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/wav"
    assert response.headers["cache-control"] == "no-store"
    assert int(response.headers["content-length"]) == len(response.content) == 44 + 2 * 8000
    assert np.array_equal(opened(response), audio)


async def test_both_sides_of_a_stereo_call_are_heard_in_one(served: Served) -> None:
    message, audio = await served.message(mix="stereo")

    heard = opened(await served.get(served.token(message)))

    assert np.array_equal(heard[0], audio.sum(axis=0, dtype=np.int32) // 2)


async def test_it_can_begin_later(served: Served) -> None:
    message, audio = await served.message()

    heard = opened(await served.get(served.token(message, s=0.25)))
    beyond = opened(await served.get(served.token(message, s=7)))

    assert np.array_equal(heard, audio[:, 2000:])
    assert beyond.shape[1] == 0


@pytest.mark.parametrize("mix", ["mono", "stereo"])
@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-", 0, None),
        ("bytes=0-43", 0, 44),
        ("bytes=43-45", 43, 46),
        ("bytes=47-1000", 47, 1001),
        ("bytes=1000-", 1000, None),
        ("bytes=-5", -5, None),
        ("bytes=16043-16043", 16043, 16044),
        ("bytes=10-999999", 10, None),
    ],
)
async def test_a_range_is_that_part_of_the_file(
    served: Served, asked: str, start: int, stop: int | None, mix: Mix
) -> None:
    message, _ = await served.message(mix=mix)
    token = served.token(message)
    whole = (await served.get(token)).content

    part = await served.get(token, range=asked)

    assert part.content == whole[start:stop]
    assert part.status_code == 206
    first = len(whole) + start if start < 0 else start
    last = first + len(part.content) - 1
    assert part.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=16044-", "bytes=99999-100000", "bytes=-0"])
async def test_a_range_that_is_not_there_is_refused(served: Served, asked: str) -> None:
    message, _ = await served.message()

    response = await served.get(served.token(message), range=asked)

    assert response.status_code == 416
    assert response.headers["content-range"] == "bytes */16044"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=-", "seconds=1-2", "bytes=9-3", "x"])
async def test_what_is_no_single_range_gets_all_of_it(served: Served, asked: str) -> None:
    message, _ = await served.message()

    response = await served.get(served.token(message), range=asked)

    assert (response.status_code, len(response.content)) == (200, 16044)


async def test_head_says_what_get_would(served: Served) -> None:
    message, _ = await served.message()

    response = await served.client.head(served.url(served.token(message)))

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == "16044"


async def test_an_address_that_is_old_altered_or_for_something_else_is_nothing(
    served: Served,
) -> None:
    message, _ = await served.message()
    other = served.machine
    _, box = await other.box()
    good = served.token(message)
    tokens = {
        "old": served.token(message, life=-1),
        "altered": good[:40] + ("A" if good[40] != "A" else "B") + good[41:],
        "another mailbox": served.token(message, b=box.id),
        "another tenant": served.token(message, t="other"),
        "another purpose": served.token(message, purpose="state"),
        "no such message": served.token("01M7WR9CK6AZQ0NET37P865XVX"),
        "nonsense": "x",
    }

    for why, token in tokens.items():
        response = await served.get(token)
        assert (response.status_code, response.text) == (404, "nothing is here\n"), why
        assert response.headers["cache-control"] == "no-store"
    assert (await served.get(good)).status_code == 200


async def test_what_is_deleted_or_erased_is_not_heard(served: Served) -> None:
    message, _ = await served.message()
    plugin, token = served.machine.plugin, served.token(message)
    await delete_message(plugin.database, TENANT, message, datetime.now(UTC))
    assert (await served.get(token)).status_code == 404

    await undelete_message(plugin.database, TENANT, message, datetime.now(UTC))
    assert (await served.get(token)).status_code == 200

    await erase_message(plugin.erasing, TENANT, message, actor="operator")
    assert (await served.get(token)).status_code == 404
    assert (await served.get(token, range="bytes=0-10")).status_code == 404


@pytest.mark.parametrize(
    ("purpose", "who"), [(AUDIO, "phone"), (TO_CALLER, "caller"), (MAILED, "mail")]
)
async def test_who_has_listened_is_in_the_audit_log(served: Served, purpose: str, who: str) -> None:
    message, _ = await served.message()

    await served.get(served.token(message, purpose=purpose))

    async with served.machine.plugin.database.reading() as session:
        rows = await session.scalars(select(AuditRow).where(AuditRow.subject == message))
        said = {(row.actor, row.verb, row.result) for row in rows}
    assert (f"{who}:{served.mailbox}", "listen", "ok") in said


async def test_a_message_that_is_fetched_in_pieces_has_its_mailbox_unlocked_once(
    served: Served,
) -> None:
    number, box = await served.machine.box()
    own = Served(served.machine, served.client, box.id, number)
    message, _ = await own.message()

    for start in range(0, 8000, 2000):
        piece = await own.get(own.token(message), range=f"bytes={start}-{start + 1999}")
        assert piece.status_code == 206

    async with served.machine.plugin.database.reading() as session:
        rows = await session.scalars(select(AuditRow).where(AuditRow.subject == box.id))
        assert [row.verb for row in rows].count("use-key") == 1


@pytest.mark.parametrize("away", [IndexAway("away"), ObjectsAway("away")])
async def test_a_store_that_is_away_is_said_so_that_it_is_tried_again(
    served: Served, monkeypatch: pytest.MonkeyPatch, away: Exception
) -> None:
    message, _ = await served.message()
    token = served.token(message)

    async def gone(*_: Any, **__: Any) -> Any:
        raise away

    monkeypatch.setattr(served.machine.plugin.objects, "size", gone)
    response = await served.get(token)

    assert response.status_code == 503
    assert response.headers["retry-after"]


async def test_the_address_in_the_log_opens_nothing(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    message, _ = await served.message()
    token = served.token(message)

    await served.get(token)

    assert not re.search(token[:60], "".join(capsys.readouterr()))
