"""What it means when Google ends a stream: go on at once, after a while, or not at all.

The codes are gRPC's (https://grpc.io/docs/guides/status-codes/); what Google uses them for:
OUT_OF_RANGE (v1) and ABORTED (v2) end a stream by its age, its pace or the lack of audio.
"""

from typing import Final, Literal, TypeAlias

from listen_sinks.transcript.api import EngineRefused

Answer: TypeAlias = Literal["reopen", "retry", "wait"]
"""At once; at once and then at growing intervals; only after a while."""

_CODES: Final = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"),
    *("ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"),
    *("ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
    "UNAUTHENTICATED",
)
_REOPEN: Final = frozenset({"OUT_OF_RANGE", "ABORTED"})
_RETRY: Final = frozenset(
    {"UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "UNKNOWN", "CANCELLED", "DATA_LOSS", "OK"}
)
QUOTA: Final = (
    "Google says that the project's quota is used up: raise the quotas of the Cloud "
    "Speech-to-Text API, or send fewer calls to this engine"
)
_FIXES: Final = {
    "UNAUTHENTICATED": "Google does not accept the credential (expired, revoked, or none): "
    "make a new key for the service account and set credentials_file",
    "PERMISSION_DENIED": "the credential may not use Speech-to-Text in this project: give its "
    "account the role Cloud Speech Client (roles/speech.client)",
    "NOT_FOUND": "Google does not know the recognizer, the location or the project: check these "
    "options",
    "FAILED_PRECONDITION": "the project cannot use Speech-to-Text: check that billing is enabled",
    "UNIMPLEMENTED": "what answers is not Speech-to-Text: check endpoint and location",
    "INVALID_ARGUMENT": "Google does not take this configuration: check language, model, hints "
    "and word_times",
}
_NOT_ENABLED: Final = (
    "the Cloud Speech-to-Text API is not enabled in the project: enable speech.googleapis.com in "
    "the Google Cloud console"
)
_LANGUAGE: Final = (
    "Google does not know this language, or not with this model and location: set a language "
    "of its list, such as en-US"
)
_LONGEST: Final = 200  # characters of Google's own words


class Fault(Exception):  # noqa: N818 - what Google said; most are no error
    """A stream that ended with a status which is not OK."""

    def __init__(self, code: str, details: str = "") -> None:
        super().__init__(f"{code}: {details}")
        self.code = code
        self.details = details


def code_name(number: int) -> str:
    """Return the name of a gRPC status code."""
    return _CODES[number] if 0 <= number < len(_CODES) else "UNKNOWN"


def answer_to(fault: Fault) -> Answer:
    """Return what to do. Raises EngineRefused, with what to mend, where nothing else helps."""
    if fault.code in _REOPEN:
        return "reopen"
    if fault.code in _RETRY:
        return "retry"
    if fault.code == "RESOURCE_EXHAUSTED":
        return "wait"
    raise EngineRefused(sentence(fault))


def sentence(fault: Fault) -> str:
    """Say what to mend, with Google's own words, which hold nothing of the call."""
    details = " ".join(fault.details.split())[:_LONGEST]
    fix = _FIXES.get(fault.code, f"Google ended the stream with {fault.code}")
    if fault.code == "PERMISSION_DENIED" and _says(details, "billing"):
        fix = _FIXES["FAILED_PRECONDITION"]
    elif fault.code == "PERMISSION_DENIED" and _says(details, "has not been used", "disabled"):
        fix = _NOT_ENABLED
    if fault.code == "INVALID_ARGUMENT" and _says(details, "language"):
        fix = _LANGUAGE
    return f"{fix} ({fault.code}: {details})" if details else f"{fix} ({fault.code})"


def _says(details: str, *words: str) -> bool:
    return any(word in details.lower() for word in words)
