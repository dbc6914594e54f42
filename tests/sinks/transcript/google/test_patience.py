import pytest

from listen_sinks.transcript.api import EngineAway, EngineRefused
from listen_sinks.transcript.google.faults import Fault
from listen_sinks.transcript.google.patience import Patience

AWAY = Fault("UNAVAILABLE")


def test_the_first_fault_is_answered_at_once_and_the_next_ones_later_and_later() -> None:
    longest = [0.0] * 8
    for _ in range(300):
        patience = Patience(1000)
        for number in range(8):
            longest[number] = max(longest[number], patience.after(AWAY, 0))

    assert longest[0] == 0
    assert longest[1] < longest[3] < longest[5]
    assert max(longest) <= 5


def test_a_used_up_quota_is_never_answered_at_once() -> None:
    assert all(Patience(10).after(Fault("RESOURCE_EXHAUSTED"), 0) > 0 for _ in range(50))


def test_patience_ends_after_its_seconds() -> None:
    patience = Patience(10)
    patience.after(AWAY, 100.0)
    patience.after(AWAY, 110.0)

    with pytest.raises(EngineAway, match="UNAVAILABLE for 11 s"):
        patience.after(AWAY, 111.0)


def test_a_quota_that_stays_used_up_is_the_operators() -> None:
    patience = Patience(10)
    patience.after(Fault("RESOURCE_EXHAUSTED"), 0)

    with pytest.raises(EngineRefused, match="quota"):
        patience.after(Fault("RESOURCE_EXHAUSTED"), 11)


def test_a_result_in_between_makes_a_new_row_of_faults() -> None:
    patience = Patience(10)
    patience.after(AWAY, 0)
    patience.forget()

    assert patience.after(AWAY, 100) == 0
