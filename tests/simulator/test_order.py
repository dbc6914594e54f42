from pathlib import Path

import numpy as np
import pytest
import soundfile

from listen_server.simulator.errors import CallError
from listen_server.simulator.order import Order


def test_without_a_file_the_shipped_clip_is_called_with() -> None:
    (call,) = Order(url="ws://h").place()

    assert call.seconds == pytest.approx(5.6)


def test_every_call_has_ids_of_its_own_and_shares_the_audio() -> None:
    first, second = Order(url="ws://h", calls=2).place()

    assert first._script.opening != second._script.opening
    assert first._script.pcm is second._script.pcm


def test_the_options_reach_the_script() -> None:
    (call,) = Order(
        url="ws://h",
        rate=16000,
        mix="stereo",
        dtmf=("5@1.2",),
        pause=("2-4",),
        abort_at=3,
        abort_by="reset",
        speed=4,
        metadata=("topic=sales",),
        kind="conference",
    ).place()

    script = call._script
    assert (script.format.sample_rate, script.format.channels) == (16000, 2)
    assert len(script.keys) == len(script.pauses) == 1
    assert (script.abort_at, script.abort_by, script.speed) == (3, "reset", 4)
    assert script.opening == b'{"topic":"sales"}'


def test_a_file_and_a_length(tmp_path: Path) -> None:
    file = tmp_path / "call.wav"
    soundfile.write(file, np.zeros(800, np.int16), 8000)

    (call,) = Order(url="ws://h", file=file, seconds=2).place()

    assert call.seconds == 2


def test_all_that_is_wrong_is_said_at_once() -> None:
    order = Order(url="h", rate=1, dtmf=("x",), pause=("y",), metadata=("z",), seconds=0)

    with pytest.raises(CallError) as raised:
        order.place()

    assert len(str(raised.value).splitlines()) == 6


def test_a_time_after_the_end_comes_back_with_the_fix() -> None:
    with pytest.raises(CallError, match=r"key 5 at 9 s is outside.*--seconds makes"):
        Order(url="ws://h", dtmf=("5@9",)).place()


def test_tls_is_prepared_only_where_it_is_asked_for() -> None:
    (plain,) = Order(url="ws://h").place()
    (secure,) = Order(url="wss://h").place()

    assert plain._target.tls is None
    assert secure._target.tls is not None


def test_half_a_credential_is_none_as_it_is_for_jambonz() -> None:
    (call,) = Order(url="ws://h", user="me").place()

    assert call._target.credential is not None
    assert call._target.credential.header() is None


def test_what_may_surprise_is_noted() -> None:
    assert Order(url="ws://h", user="u", password="p" * 88).notes() == []
    assert "a broken credential" in Order(url="ws://h", user="u", password="p" * 89).notes()[0]
    assert "no credential" in Order(url="ws://h", user="u", password="p" * 90).notes()[0]
    assert "path '/a:4433'" in Order(url="wss://h/a:4433").notes()[0]


def test_an_order_shows_no_secret() -> None:
    assert "secret" not in repr(Order(url="ws://h", password="secret"))  # noqa: S106  # the point


@pytest.mark.parametrize("half", [{"user": "me"}, {"password": "secret"}])
def test_half_a_credential_is_none_as_with_jambonz(half: dict[str, str]) -> None:
    (note,) = Order(url="ws://a", **half).notes()  # type: ignore[arg-type] # each its own

    assert "with one of them alone jambonz sends none" in note
