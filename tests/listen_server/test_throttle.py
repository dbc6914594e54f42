"""Guessing is slow; being right never is."""

from listen_server.throttle import MAX_REMEMBERED, FailureThrottle, GuessThrottle


def test_a_person_may_be_wrong_ten_times_and_then_waits() -> None:
    throttle = FailureThrottle()

    assert [throttle.failed("acme", "192.0.2.1", 0.0) for _ in range(10)] == [0] * 10
    assert throttle.failed("acme", "192.0.2.1", 0.0) == 10


def test_time_gives_a_try_back() -> None:
    throttle = FailureThrottle(burst=1, per_second=0.1)
    throttle.failed("acme", "192.0.2.1", 0.0)

    assert throttle.failed("acme", "192.0.2.1", 4.0) == 6
    assert throttle.failed("acme", "192.0.2.1", 10.5) == 0
    assert throttle.failed("acme", "192.0.2.1", 10.5) == 10


def test_a_long_rest_gives_no_more_tries_than_at_first() -> None:
    throttle = FailureThrottle(burst=3, per_second=1)
    throttle.failed("acme", "192.0.2.1", 0.0)

    tries = [throttle.failed("acme", "192.0.2.1", 1e6) for _ in range(4)]

    assert tries == [0, 0, 0, 1]


def test_one_who_is_wrong_costs_others_nothing() -> None:
    throttle = FailureThrottle(burst=1)
    throttle.failed("acme", "192.0.2.1", 0.0)
    assert throttle.failed("acme", "192.0.2.1", 0.0)

    assert throttle.failed("acme", "192.0.2.2", 0.0) == 0
    assert throttle.failed("other", "192.0.2.1", 0.0) == 0


def test_users_of_any_length_and_number_take_bounded_memory() -> None:
    throttle = FailureThrottle()
    long = "x" * 1_000_000

    for number in range(MAX_REMEMBERED + 500):
        throttle.failed(f"{number} {long[:1000]}", "192.0.2.1", 0.0)
    throttle.failed(long, "192.0.2.1", 0.0)

    assert len(throttle._buckets) == MAX_REMEMBERED
    assert max(len(user) for user, _ in throttle._buckets) <= 64


def test_who_was_wrong_last_is_remembered_longest() -> None:
    throttle = FailureThrottle(burst=1)
    throttle.failed("guesser", "192.0.2.1", 0.0)

    for number in range(MAX_REMEMBERED - 1):
        throttle.failed(f"somebody {number}", "192.0.2.2", 0.0)
        if number % 1000 == 0:
            assert throttle.failed("guesser", "192.0.2.1", 0.0)

    throttle.failed("one more", "192.0.2.2", 0.0)
    assert throttle.failed("guesser", "192.0.2.1", 0.0)


def test_after_ten_wrong_passwords_none_is_looked_at_from_there() -> None:
    throttle = GuessThrottle(lambda: 0.0)

    assert [throttle.failed("jambonz", "192.0.2.1") for _ in range(10)] == [0] * 10
    assert throttle.wait("jambonz", "192.0.2.1") == 10
    assert throttle.wait("another", "192.0.2.1") == 0
    assert throttle.wait("jambonz", "192.0.2.2") == 0


def test_time_gives_a_guesser_one_try_not_ten() -> None:
    now = 0.0
    throttle = GuessThrottle(lambda: now)
    for _ in range(10):
        throttle.failed("jambonz", "192.0.2.1")

    now = 10.5
    assert throttle.wait("jambonz", "192.0.2.1") == 0
    throttle.failed("jambonz", "192.0.2.1")

    assert throttle.wait("jambonz", "192.0.2.1") == 10


def test_who_was_right_is_not_locked_out_by_a_neighbour() -> None:
    throttle = GuessThrottle(lambda: 0.0)
    throttle.was_right("jambonz", "192.0.2.1")

    for _ in range(20):
        throttle.failed("jambonz", "192.0.2.1")
        throttle.failed("jambonz", "192.0.2.2")

    assert throttle.wait("jambonz", "192.0.2.1") == 0
    assert throttle.wait("jambonz", "192.0.2.2") == 10


def test_the_many_addresses_of_one_subscriber_are_one() -> None:
    throttle = GuessThrottle(lambda: 0.0)

    for number in range(10):
        throttle.failed("jambonz", f"2001:db8:0:7::{number:x}")
        throttle.failed("jambonz", "::ffff:192.0.2.1" if number % 2 else "192.0.2.1")

    assert throttle.wait("jambonz", "2001:db8:0:7:ffff::1") == 10
    assert throttle.wait("jambonz", "2001:db8:0:8::1") == 0
    assert throttle.wait("jambonz", "192.0.2.1") == 10


def test_who_was_right_takes_bounded_memory() -> None:
    throttle = GuessThrottle(lambda: 0.0)
    throttle.was_right("jambonz", "192.0.2.1")
    for number in range(MAX_REMEMBERED):
        throttle.was_right(str(number), "192.0.2.9")
    for _ in range(10):
        throttle.failed("jambonz", "192.0.2.1")

    assert throttle.wait("jambonz", "192.0.2.1") == 10
