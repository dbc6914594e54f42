"""What becomes of streams with a ticket, as far as this process knows."""

from listen_sinks.voicemail.fates import Fates


def test_the_newest_word_about_a_ticket_counts() -> None:
    fates = Fates()

    fates.tell("a", kept=False)
    fates.tell("a", kept=True)
    fates.tell(None, kept=True)

    assert fates.kept("a") is True
    assert fates.kept("b") is None
    assert fates.kept(None) is None


def test_what_is_not_to_be_kept_is_not_known_any_more() -> None:
    fates = Fates()

    fates.tell("a", kept=True)
    fates.tell("a", kept=None)

    assert fates.kept("a") is None


def test_only_so_many_are_remembered_and_the_newest_are() -> None:
    fates = Fates(most=2)

    for ticket in "abac":
        fates.tell(ticket, kept=True)

    assert [fates.kept(ticket) for ticket in "abc"] == [True, None, True]
