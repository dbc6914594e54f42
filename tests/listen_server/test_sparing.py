"""A flood of one kind fills no log, and hides no other kind."""

from structlog.testing import capture_logs

from listen_server.sparing import BURST, PER_SECOND, Sparing
from listen_server.telemetry import Telemetry


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_flood_is_cut_and_the_next_line_says_by_how_many() -> None:
    clock = Clock()
    sparing = Sparing(clock)

    said = [sparing.left_out("a") for _ in range(BURST + 50)]
    clock.now += 1 / PER_SECOND
    after = [sparing.left_out("a"), sparing.left_out("a")]

    assert said == [0] * BURST + [None] * 50
    assert after == [50, None]


def test_one_kind_takes_no_line_from_another() -> None:
    sparing = Sparing(Clock())
    for _ in range(BURST + 1):
        sparing.left_out("a")

    assert sparing.left_out("b") == 0


def test_after_a_quiet_time_there_is_room_for_a_burst_and_no_more() -> None:
    clock = Clock()
    sparing = Sparing(clock)
    sparing.left_out("a")

    clock.now += 3600
    said = [sparing.left_out("a") for _ in range(BURST + 1)]

    assert said.count(None) == 1


def test_every_refusal_is_counted_though_not_every_one_is_written() -> None:
    telemetry = Telemetry()

    with capture_logs() as logs:
        for _ in range(BURST * 10):
            telemetry.refuse("handshake timeout", address="192.0.2.1")

    counted = telemetry.registry.get_sample_value(
        "listen_refusals_total", {"reason": "handshake timeout"}
    )
    assert counted == BURST * 10
    assert BURST <= len(logs) < BURST * 2
    assert "left_out" not in logs[0]
