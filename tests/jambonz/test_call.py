"""A call and its way back: commands wait for a socket that drops, and end with the call."""

import asyncio

import pytest

from listen_server.jambonz import Call, Unreachable, commands, read_hook

MUTE = commands.mute_status("mute")


def call(sid: str = "7b0c7a52-0d1f") -> Call:
    """Make a call."""
    return Call(read_hook({"call_sid": sid, "from": "+15551230001"}))


class Socket:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    async def write(self, message: bytes) -> None:
        self.written.append(message)


async def test_a_command_over_webhooks_is_told_to_have_no_way() -> None:
    with pytest.raises(Unreachable, match="served over webhooks"):
        await call().send(MUTE)


async def test_a_command_waits_for_a_socket_that_has_dropped() -> None:
    one, two, made = Socket(), Socket(), call()
    made.attach(one.write, patience=5)
    assert made.detach(one.write)

    sending = asyncio.create_task(made.send(MUTE))
    await asyncio.sleep(0)
    made.attach(two.write, patience=5)
    await sending

    assert (one.written, two.written) == ([], [MUTE.encode()])


async def test_it_waits_no_longer_than_the_socket_may_take() -> None:
    socket, made = Socket(), call()
    made.attach(socket.write, patience=0.01)
    made.detach(socket.write)

    with pytest.raises(Unreachable, match="not come back"):
        await made.send(MUTE)


async def test_who_waits_is_told_when_the_call_ends() -> None:
    socket, made = Socket(), call()
    made.attach(socket.write, patience=5)
    made.detach(socket.write)

    sending = asyncio.create_task(made.send(MUTE))
    await asyncio.sleep(0)
    made.end()

    with pytest.raises(Unreachable, match="the call is over"):
        await sending


def test_what_is_said_of_another_leg_is_not_about_the_call() -> None:
    made = call()

    made.hear(read_hook({"call_sid": "another-leg", "call_status": "completed"}))
    assert made.told is made.first
    assert not made.ended
    made.hear(read_hook({"call_sid": made.sid, "call_status": "busy"}))
    assert made.told.call_status == "busy"
    assert made.ended


async def test_an_older_socket_that_closes_takes_nothing_away() -> None:
    one, two, made = Socket(), Socket(), call()
    made.attach(one.write, patience=5)
    made.attach(two.write, patience=5)

    assert not made.detach(one.write)
    assert made.connected


def test_its_repr_shows_a_sid_that_jambonz_could_have_made_and_nothing_else() -> None:
    assert repr(call()) == "Call(7b0c7a52-0d1f)"
    assert repr(call("+15551230001")) == "Call(?)"
