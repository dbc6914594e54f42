from listen_server.rejections import Rejections
from listen_sinks.webhook.events import Event


def test_what_was_refused_is_told_once_for_each_reason() -> None:
    told: list[Event] = []
    rejections = Rejections()
    for reason in ["full"] * 1000 + ["no route"] * 2:
        rejections.note(reason)

    rejections.sum_up(told.append)

    assert [(one.data["reason"], one.data["count"]) for one in told] == [
        ("full", 1000),
        ("no route", 2),
    ]


def test_where_nothing_is_refused_nothing_is_told() -> None:
    told: list[Event] = []
    rejections = Rejections()
    rejections.note("full")
    rejections.sum_up(told.append)

    rejections.sum_up(told.append)

    assert len(told) == 1
