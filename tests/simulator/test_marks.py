from listen_server.simulator.marks import MarkedAudio

SECOND = bytes(16000)  # of 8 kHz


def playout(name: str) -> str:
    return '{"type": "mark", "data": {"name":"' + name + '", "event": "playout"}}'


def cleared(name: str) -> str:
    return playout(name).replace("playout", "cleared")


def test_a_mark_is_reached_when_the_audio_before_it_has_been_played() -> None:
    audio = MarkedAudio(8000)
    audio.append(SECOND, 0.0)
    audio.mark("after one")

    assert audio.advance(1.0) == []  # it was 80 ms before it began to play
    assert audio.advance(1.1) == [playout("after one")]
    assert audio.advance(9.0) == []


def test_a_mark_between_two_pieces_does_not_wait_for_the_second() -> None:
    audio = MarkedAudio(8000)
    audio.append(SECOND, 0.0)
    audio.mark("between")
    audio.append(SECOND, 0.5)
    audio.mark("end")

    assert audio.advance(1.5) == [playout("between")]
    assert audio.advance(2.1) == [playout("end")]


def test_marks_with_nothing_to_play_come_one_by_one() -> None:
    audio = MarkedAudio(8000)
    audio.mark("a")
    audio.mark("b")

    assert audio.advance(0.02) == [playout("a")]
    assert audio.advance(0.04) == [playout("b")]


def test_the_thirty_first_mark_is_forgotten() -> None:
    audio = MarkedAudio(8000)
    audio.append(SECOND, 0.0)
    for number in range(31):
        audio.mark(str(number))

    assert audio.clear(0.0, audio=False) == [cleared(str(number)) for number in range(30)]


def test_cleared_marks_do_not_come_again() -> None:
    audio = MarkedAudio(8000)
    audio.append(SECOND, 0.0)
    audio.mark("a")

    assert audio.clear(0.1, audio=True) == [cleared("a")]
    assert audio.advance(9.0) == []


def test_killed_audio_delays_no_later_mark() -> None:
    audio = MarkedAudio(8000)
    audio.append(SECOND * 10, 0.0)
    audio.clear(0.1, audio=True)
    audio.mark("a")

    assert audio.advance(0.12) == [playout("a")]


def test_a_byte_without_its_partner_waits_for_it() -> None:
    audio = MarkedAudio(8000)
    for _ in range(16000):
        audio.append(b"x", 0.0)
    audio.mark("end")

    assert audio.advance(1.0) == []
    assert audio.advance(1.1) == [playout("end")]


def test_a_quote_in_a_name_breaks_the_json_as_it_does_at_jambonz() -> None:
    audio = MarkedAudio(8000)
    audio.mark('"')

    assert audio.advance(0.02) == ['{"type": "mark", "data": {"name":""", "event": "playout"}}']
