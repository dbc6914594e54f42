"""Version 1 of Google's interface, in its own message types. v2.py is its neighbour.

Requests would take 25 KB of audio; the engine never sends more than v2 takes.
"""

from typing import Any, Final

from google.cloud.speech_v1.types import cloud_speech as types

from listen_sinks.transcript.google.config import GoogleConfig
from listen_sinks.transcript.google.dialect import (
    Asked,
    Heard,
    HeardWord,
    heard,
    model,
    seconds,
    told,
)
from listen_sinks.transcript.google.faults import Fault, code_name

_REQUEST: Final[Any] = type(types.StreamingRecognizeRequest.pb(types.StreamingRecognizeRequest()))
_RESPONSE: Final[Any] = type(
    types.StreamingRecognizeResponse.pb(types.StreamingRecognizeResponse())
)


class V1:
    """The older interface: no project, no recognizer, its place is in the host's name."""

    method = "/google.cloud.speech.v1.Speech/StreamingRecognize"
    largest = 15_360

    def opening(self, config: GoogleConfig, asked: Asked) -> bytes:
        """Return the first request of a stream."""
        request = types.StreamingRecognizeRequest(
            streaming_config=types.StreamingRecognitionConfig(
                config=_recognition(config, asked), interim_results=config.interim_results
            )
        )
        return bytes(types.StreamingRecognizeRequest.serialize(request))

    def request(self, audio: bytes) -> bytes:
        """Return a request with audio."""
        return bytes(_REQUEST(audio_content=audio).SerializeToString())

    def heard(self, answer: bytes) -> list[Heard]:
        """Return the results of an answer. Raises Fault for an error inside it."""
        response = _RESPONSE.FromString(answer)
        if response.error.code:
            raise Fault(code_name(response.error.code), response.error.message)
        return told(
            heard(result, result.result_end_time, _words(result)) for result in response.results
        )


def _recognition(config: GoogleConfig, asked: Asked) -> types.RecognitionConfig:
    others = [tag for tag in config.alternative_languages if tag != asked.language]
    hints = [types.SpeechContext(phrases=list(config.hints), boost=config.hint_boost)]
    return types.RecognitionConfig(
        encoding=types.RecognitionConfig.AudioEncoding.LINEAR16,
        sample_rate_hertz=asked.sample_rate,
        audio_channel_count=asked.channels,
        enable_separate_recognition_per_channel=asked.channels > 1,
        language_code=asked.language,
        alternative_language_codes=others,
        model=model(config, asked, "latest_long"),
        profanity_filter=config.profanity_filter,
        enable_automatic_punctuation=config.punctuation,
        enable_word_time_offsets=config.word_times,
        speech_contexts=hints if config.hints else [],
    )


def _words(result: Any) -> list[HeardWord]:
    if not result.is_final or not result.alternatives:
        return []
    return [
        HeardWord(
            word.word, seconds(word.start_time), seconds(word.end_time), word.confidence or None
        )
        for word in result.alternatives[0].words
    ]
