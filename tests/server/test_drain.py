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


class Asked:
    """Sockets over which jambonz asks: two that are idle, and one with a hook in flight."""

    def __init__(self) -> None:
        self.idle, self.busy = 2, 1

    def __call__(self, *, idle: bool) -> int:
        if idle:
            self.idle = 0
        return self.idle + self.busy


def test_before_the_deadline_sockets_are_left_behind_an_answer_then_those_that_are_idle() -> None:
    clock, asked = Clock(), Asked()
    drain = Drain(lambda: 1, clock=clock)
    drain.leave = asked
    drain.begin(deadline=60)

    clock.now += 57.9
    assert not drain.is_over()
    assert not drain.leaving
    clock.now += 0.2
    assert not drain.is_over()
    assert drain.leaving
    assert asked.idle == 2
    clock.now += 1
    assert not drain.is_over()
    assert asked.idle == 0
    clock.now += 0.9

    assert drain.is_over()  # a hook that takes too long has no answer


def test_without_a_deadline_hooks_in_flight_have_two_seconds() -> None:
    clock, asked = Clock(), Asked()
    drain = Drain(lambda: 1, clock=clock)
    drain.leave = asked
    drain.begin(deadline=0)

    assert drain.leaving
    clock.now += 1.9
    assert not drain.is_over()
    asked.busy = 0

    assert drain.is_over()


def test_stop_waits_for_no_call() -> None:
    drain = Drain(lambda: 1)

    drain.stop()

    assert drain.is_over()
