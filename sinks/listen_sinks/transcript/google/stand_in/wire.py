"""The server's side of v1 and v2, in Google's own message types. limits.py says what is refused."""

import re
from dataclasses import dataclass
from typing import Any, Final, Protocol

from google.cloud.speech_v1.types import cloud_speech as v1
from google.cloud.speech_v2.types import cloud_speech as v2

from listen_sinks.transcript.google.stand_in import limits
from listen_sinks.transcript.google.stand_in.hearing import Utterance
from listen_sinks.transcript.google.stand_in.limits import Ended


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the first request asks for."""

    sample_rate: int
    channels: int
    interim: bool
    word_times: bool
    languages: tuple[str, ...]

    def fault(self) -> Ended | None:
        """Return why Google would not take it."""
        if self.sample_rate not in limits.RATES:
            return limits.invalid("Invalid recognition config: bad sample rate hertz.")
        if not 1 <= self.channels <= limits.MOST_CHANNELS:
            return limits.invalid("Invalid recognition config: bad audio channel count.")
        for language in self.languages:
            if language.split("-")[0].lower() not in limits.LANGUAGES:
                return limits.invalid(f'The language "{language}" is not supported.')
        return None


class Wire(Protocol):
    """One version of the interface."""

    api: str
    service: str

    def read(self, data: bytes) -> Wanted | Ended | bytes:
        """Return what a request is: a configuration, audio, or neither."""

    def answer(self, utterance: Utterance, channel: int, wanted: Wanted) -> bytes:
        """Return a response: one result, or two that are interim and belong together."""


class V1Wire:
    """The older interface."""

    api = "v1"
    service = "google.cloud.speech.v1.Speech"

    def read(self, data: bytes) -> Wanted | Ended | bytes:
        """Return what a request is: a configuration, audio, or neither."""
        request = v1.StreamingRecognizeRequest.pb(v1.StreamingRecognizeRequest.deserialize(data))
        which = request.WhichOneof("streaming_request")
        if which == "audio_content":
            return bytes(request.audio_content)
        config = request.streaming_config.config
        if which is None or not config.language_code:
            return limits.invalid("Invalid recognition config: missing language code.")
        return Wanted(
            config.sample_rate_hertz,
            config.audio_channel_count or 1,
            request.streaming_config.interim_results,
            config.enable_word_time_offsets,
            (config.language_code, *config.alternative_language_codes),
        )

    def answer(self, utterance: Utterance, channel: int, wanted: Wanted) -> bytes:
        """Return a response: one result, or two that are interim and belong together."""
        words = [
            v1.WordInfo(word=word.word, start_time=_time(word.start), end_time=_time(word.end))
            for word in utterance.sounds
        ]
        results = [
            v1.StreamingRecognitionResult(
                alternatives=[
                    v1.SpeechRecognitionAlternative(
                        transcript=text,
                        confidence=0.9 if utterance.is_final else 0.0,
                        words=words if utterance.is_final and wanted.word_times else [],
                    )
                ],
                is_final=utterance.is_final,
                stability=stability,
                result_end_time=_time(utterance.end),
                channel_tag=channel + 1 if wanted.channels > 1 else 0,
                language_code=wanted.languages[0].lower(),
            )
            for text, stability in utterance.pieces
        ]
        response = v1.StreamingRecognizeResponse(results=results)
        return bytes(v1.StreamingRecognizeResponse.serialize(response))


_RECOGNIZER: Final = re.compile(r"projects/[^/]+/locations/[^/]+/recognizers/[^/]+")


class V2Wire:
    """The interface of today."""

    api = "v2"
    service = "google.cloud.speech.v2.Speech"

    def read(self, data: bytes) -> Wanted | Ended | bytes:
        """Return what a request is: a configuration, audio, or neither."""
        request = v2.StreamingRecognizeRequest.pb(v2.StreamingRecognizeRequest.deserialize(data))
        which = request.WhichOneof("streaming_request")
        if which == "audio":
            return bytes(request.audio)
        if which is None or not _RECOGNIZER.fullmatch(request.recognizer):
            return limits.invalid("Invalid resource field value in the request: recognizer.")
        config = request.streaming_config.config
        return Wanted(
            config.explicit_decoding_config.sample_rate_hertz,
            config.explicit_decoding_config.audio_channel_count or 1,
            request.streaming_config.streaming_features.interim_results,
            config.features.enable_word_time_offsets,
            tuple(config.language_codes),
        )

    def answer(self, utterance: Utterance, channel: int, wanted: Wanted) -> bytes:
        """Return a response: one result, or two that are interim and belong together."""
        words = [
            v2.WordInfo(word=word.word, start_offset=_time(word.start), end_offset=_time(word.end))
            for word in utterance.sounds
        ]
        results = [
            v2.StreamingRecognitionResult(
                alternatives=[
                    v2.SpeechRecognitionAlternative(
                        transcript=text,
                        confidence=0.9 if utterance.is_final else 0.0,
                        words=words if utterance.is_final and wanted.word_times else [],
                    )
                ],
                is_final=utterance.is_final,
                stability=stability,
                result_end_offset=_time(utterance.end),
                channel_tag=channel + 1 if wanted.channels > 1 else 0,
                language_code=wanted.languages[0] if wanted.languages else "",
            )
            for text, stability in utterance.pieces
        ]
        response = v2.StreamingRecognizeResponse(results=results)
        return bytes(v2.StreamingRecognizeResponse.serialize(response))


def _time(seconds: float) -> dict[str, Any]:
    whole = int(seconds)
    return {"seconds": whole, "nanos": round((seconds - whole) * 1000) * 1_000_000}
