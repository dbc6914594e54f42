"""Serving, draining, stopping: no clock but ours."""

from listen_server.server.drain import Drain, DrainState


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_server_that_was_not_told_to_drain_never_ends() -> None:
    drain = Drain()

    assert not drain.is_over()
    assert drain.accepting


def test_a_drain_waits_for_the_last_call() -> None:
    calls = ["first", "second"]
    drain = Drain(lambda: len(calls))

    drain.begin(deadline=60)
    assert not drain.accepting
    assert not drain.is_over()
    calls.clear()

    assert drain.is_over()
    assert drain.state is DrainState.STOPPING


def test_a_drain_waits_no_longer_than_its_deadline() -> None:
    clock = Clock()
    drain = Drain(lambda: 1, clock=clock)
    drain.begin(deadline=60)

    clock.now += 59
    assert not drain.is_over()
    clock.now += 1

    assert drain.is_over()


def test_a_second_begin_moves_no_deadline() -> None:
    clock = Clock()
    drain = Drain(lambda: 1, clock=clock)
    drain.begin(deadline=60)
    clock.now += 30
    drain.begin(deadline=60)
    clock.now += 30

    assert drain.is_over()


def test_stop_waits_for_no_call() -> None:
    drain = Drain(lambda: 1)

    drain.stop()

    assert drain.is_over()
