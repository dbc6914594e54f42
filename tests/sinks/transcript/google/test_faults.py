import pytest

from listen_sinks.transcript.api import EngineRefused
from listen_sinks.transcript.google.faults import Fault, answer_to, code_name


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("OUT_OF_RANGE", "reopen"),
        ("ABORTED", "reopen"),
        ("UNAVAILABLE", "retry"),
        ("INTERNAL", "retry"),
        ("DEADLINE_EXCEEDED", "retry"),
        ("UNKNOWN", "retry"),
        ("RESOURCE_EXHAUSTED", "wait"),
    ],
)
def test_what_passes_is_waited_out(code: str, answer: str) -> None:
    assert answer_to(Fault(code)) == answer


@pytest.mark.parametrize(
    ("code", "details", "fix"),
    [
        ("UNAUTHENTICATED", "", "set credentials_file"),
        ("PERMISSION_DENIED", "caller lacks permission", "roles/speech.client"),
        ("PERMISSION_DENIED", "API has not been used in project x", "enable speech.googleapis"),
        ("PERMISSION_DENIED", "This API method requires billing to be enabled.", "billing"),
        ("NOT_FOUND", "", "recognizer, the location or the project"),
        ("FAILED_PRECONDITION", "", "billing"),
        ("UNIMPLEMENTED", "", "check endpoint"),
        ("INVALID_ARGUMENT", 'language "xx" is not supported', "set a language"),
        ("INVALID_ARGUMENT", "model not found", "language, model, hints"),
        ("ALREADY_EXISTS", "", "ended the stream with ALREADY_EXISTS"),
    ],
)
def test_what_stays_is_told_with_what_to_mend(code: str, details: str, fix: str) -> None:
    with pytest.raises(EngineRefused, match=fix):
        answer_to(Fault(code, details))


def test_googles_own_words_are_told_on_one_line_and_cut() -> None:
    with pytest.raises(EngineRefused) as told:
        answer_to(Fault("NOT_FOUND", "no\nsuch\tthing " * 100))

    assert "no such thing" in str(told.value)
    assert len(str(told.value)) < 400


def test_numbers_of_status_codes_have_names() -> None:
    assert [code_name(number) for number in (0, 8, 16, 17, -1)] == [
        "OK",
        "RESOURCE_EXHAUSTED",
        "UNAUTHENTICATED",
        "UNKNOWN",
        "UNKNOWN",
    ]
