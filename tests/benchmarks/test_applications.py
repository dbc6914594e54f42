"""The arms for applications, with few calls: what they measure is no matter of a test."""

from benchmarks.applications import TRANSPORTS, ask_hooks, hold_sockets
from benchmarks.tables import NOTHING, tables


def test_sockets_are_held_until_the_end() -> None:
    held = hold_sockets(5)

    assert (held.sockets, held.lost) == (5, 0)
    assert held.rss > 0
    assert f" {NOTHING} " not in tables([held])


def test_every_call_that_is_set_up_gets_its_verbs() -> None:
    transport = TRANSPORTS[1]  # the other one differs in the load alone

    asked = ask_hooks(transport, 20, 1)

    assert (asked.transport, asked.rate, asked.wrong) == (transport, 20, 0)
    assert 0 < asked.p50 <= asked.p99
    assert f" {NOTHING} " not in tables([asked])
