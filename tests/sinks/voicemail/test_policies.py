from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_sinks.voicemail.index.records import MessageState, Usage
from listen_sinks.voicemail.policies import (
    Candidate,
    MailboxSettings,
    can_be_undeleted,
    effective_settings,
    horizon,
    is_full,
    is_too_short,
    plan_retention,
    read_settings,
    seconds_left,
)

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
STATES: tuple[MessageState, ...] = ("new", "heard", "saved", "deleted", "discarded")

days = st.none() | st.integers(0, 40) | st.floats(0, 40)
moments = st.integers(-60 * 86400, 5 * 86400).map(lambda s: NOW + timedelta(seconds=s))
settings_ = st.builds(
    MailboxSettings,
    keep_new_days=days,
    keep_heard_days=days,
    keep_saved_days=days,
    undelete_days=st.integers(0, 40),
)
candidates = st.builds(
    Candidate,
    message=st.uuids().map(str),
    state=st.sampled_from(STATES),
    recorded_at=moments,
    state_changed_at=moments,
    held=st.booleans(),
)


def one(state: MessageState, age: timedelta, *, held: bool = False) -> Candidate:
    return Candidate("m", state, NOW - 50 * DAY, NOW - age, held)


def test_nothing_ever_goes_by_itself_unless_somebody_says_so() -> None:
    old = [one(state, 1000 * DAY) for state in ("new", "heard", "saved")]

    assert plan_retention(old, MailboxSettings(), NOW) == plan_retention([], MailboxSettings(), NOW)


@pytest.mark.parametrize(("state", "kept"), [("new", 30), ("heard", 7), ("saved", 40)])
def test_a_message_is_deleted_at_its_states_age_and_not_before(
    state: MessageState, kept: int
) -> None:
    settings = MailboxSettings(keep_new_days=30, keep_heard_days=7, keep_saved_days=40)
    short_of = kept * DAY - timedelta(microseconds=1)

    assert plan_retention([one(state, kept * DAY)], settings, NOW).delete == ("m",)
    assert plan_retention([one(state, short_of)], settings, NOW).delete == ()


def test_a_deleted_message_is_erased_when_it_cannot_be_taken_back_any_more() -> None:
    settings = MailboxSettings(undelete_days=7)

    assert plan_retention([one("deleted", 7 * DAY)], settings, NOW).erase == ("m",)
    assert plan_retention([one("deleted", 6.9 * DAY)], settings, NOW).erase == ()
    assert can_be_undeleted(settings, NOW - 6.9 * DAY, NOW)
    assert not can_be_undeleted(settings, NOW - 7 * DAY, NOW)


def test_a_clock_that_was_ahead_at_the_call_makes_a_message_stay_longer() -> None:
    settings = MailboxSettings(keep_new_days=1)
    ahead = Candidate("m", "new", NOW - 3 * DAY, NOW + DAY, held=False)

    assert plan_retention([ahead], settings, NOW).delete == ()


@given(st.lists(candidates, max_size=20), settings_)
def test_retention_never_touches_what_is_held_and_never_does_both_steps(
    messages: list[Candidate], settings: MailboxSettings
) -> None:
    plan = plan_retention(messages, settings, NOW)

    by_id = {message.message: message for message in messages}
    assert not set(plan.delete) & set(plan.erase)
    assert not any(by_id[message].held for message in [*plan.delete, *plan.erase])
    assert all(by_id[message].state in ("deleted", "discarded") for message in plan.erase)
    assert all(by_id[message].state in ("new", "heard", "saved") for message in plan.delete)
    for message in plan.erase:
        assert not can_be_undeleted(settings, by_id[message].state_changed_at, NOW)


@given(candidates, settings_, st.integers(0, 10**6))
def test_what_is_due_stays_due_as_time_goes_by(
    message: Candidate, settings: MailboxSettings, seconds: int
) -> None:
    first = plan_retention([message], settings, NOW)
    later = plan_retention([message], settings, NOW + timedelta(seconds=seconds))

    assert set(first.delete) <= set(later.delete)
    assert set(first.erase) <= set(later.erase)


@given(candidates, settings_)
def test_the_horizon_that_a_database_is_asked_by_fits_the_plan(
    message: Candidate, settings: MailboxSettings
) -> None:
    before = horizon(settings, message.state, NOW)
    latest = max(message.recorded_at, message.state_changed_at)
    plan = plan_retention([message], settings, NOW)

    is_due = not message.held and before is not None and latest <= before
    assert bool(plan.delete or plan.erase) == is_due


def test_a_mailbox_is_full_by_number_or_by_length() -> None:
    by_number = MailboxSettings(max_messages=2)
    by_length = MailboxSettings(max_total_seconds=60)

    assert not is_full(by_number, Usage(1, 1000.0))
    assert is_full(by_number, Usage(2, 0.0))
    assert not is_full(by_length, Usage(1000, 59.9))
    assert is_full(by_length, Usage(1, 60.0))
    assert not is_full(MailboxSettings(), Usage(10**6, 10.0**9))
    assert not is_full(by_number, None)
    assert is_full(MailboxSettings(max_messages=0), None)


def test_what_is_left_of_a_quota_bounds_the_next_message() -> None:
    settings = MailboxSettings(max_messages=2, max_total_seconds=60)

    assert seconds_left(settings, Usage(1, 45.0)) == 15.0
    assert seconds_left(settings, Usage(2, 45.0)) == 0.0
    assert seconds_left(MailboxSettings(max_messages=2), Usage(1, 45.0)) is None


def test_a_message_of_exactly_the_least_length_is_kept() -> None:
    settings = MailboxSettings(min_seconds=2)

    assert is_too_short(settings, 1.999)
    assert not is_too_short(settings, 2.0)
    assert not is_too_short(MailboxSettings(), 0.0)


def test_what_is_wrong_in_settings_is_named_when_they_are_set() -> None:
    with pytest.raises(ValueError, match="keep_new_days"):
        read_settings({"keep_new_days": -1})


def test_a_stored_setting_that_cannot_be_read_leaves_the_others() -> None:
    stored = {"min_seconds": "soon", "max_messages": 5, "greeting": {"text": "hello"}}

    assert effective_settings(stored) == MailboxSettings(max_messages=5)


def test_what_callers_meet_is_set_in_words_and_nothing_of_it_is_on_unless_said() -> None:
    said = read_settings({"review": "yes", "call_back": "true", "max_seconds": "90"})
    by_itself = MailboxSettings()

    assert (said.review, said.call_back, said.max_seconds) == (True, True, 90)
    assert (by_itself.call_back, by_itself.attach_audio, by_itself.transcribe_by_jambonz) == (
        (False,) * 3
    )
    assert by_itself.notify


def test_a_greeting_that_is_no_id_of_a_message_is_none() -> None:
    stored = {"greeting": "+442079460000", "temporary_greeting": "01KB0000000000000000000MSG"}

    read = effective_settings(stored)

    assert (read.greeting, read.temporary_greeting) == (None, stored["temporary_greeting"])
