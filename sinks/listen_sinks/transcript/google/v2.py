"""Version 2 of Google's interface, in its own message types. v1.py is its neighbour.

Requests take at most 15 KB of audio, says the definition of `audio` in the messages themselves.
"""

from typing import Any, Final

from google.cloud.speech_v2.types import cloud_speech as types

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

_REQUEST: Final[Any] = type(types.StreamingRecognizeRequest.pb(types.StreamingRecognizeRequest()))
_RESPONSE: Final[Any] = type(
    types.StreamingRecognizeResponse.pb(types.StreamingRecognizeResponse())
)


class V2:
    """The interface of today: a recognizer in a project and a place."""

    method = "/google.cloud.speech.v2.Speech/StreamingRecognize"
    largest = 15_360

    def opening(self, config: GoogleConfig, asked: Asked) -> bytes:
        """Return the first request of a stream."""
        project = config.project or asked.project or "none"
        where = f"projects/{project}/locations/{config.location}/recognizers/{config.recognizer}"
        request = types.StreamingRecognizeRequest(
            recognizer=where,
            streaming_config=types.StreamingRecognitionConfig(
                config=_recognition(config, asked),
                streaming_features=types.StreamingRecognitionFeatures(
                    interim_results=config.interim_results
                ),
            ),
        )
        return bytes(types.StreamingRecognizeRequest.serialize(request))

    def request(self, audio: bytes) -> bytes:
        """Return a request with audio."""
        return bytes(_REQUEST(audio=audio).SerializeToString())

    def heard(self, answer: bytes) -> list[Heard]:
        """Return the results of an answer."""
        return told(
            heard(result, result.result_end_offset, _words(result))
            for result in _RESPONSE.FromString(answer).results
        )


def _recognition(config: GoogleConfig, asked: Asked) -> types.RecognitionConfig:
    languages = dict.fromkeys((asked.language, *config.alternative_languages))
    separate = types.RecognitionFeatures.MultiChannelMode.SEPARATE_RECOGNITION_PER_CHANNEL
    return types.RecognitionConfig(
        explicit_decoding_config=types.ExplicitDecodingConfig(
            encoding=types.ExplicitDecodingConfig.AudioEncoding.LINEAR16,
            sample_rate_hertz=asked.sample_rate,
            audio_channel_count=asked.channels,
        ),
        model=model(config, asked, "long"),
        language_codes=list(languages),
        features=types.RecognitionFeatures(
            profanity_filter=config.profanity_filter,
            enable_automatic_punctuation=config.punctuation,
            enable_word_time_offsets=config.word_times,
            multi_channel_mode=separate if asked.channels > 1 else None,
        ),
        adaptation=_adaptation(config),
    )


def _adaptation(config: GoogleConfig) -> types.SpeechAdaptation | None:
    if not config.hints:
        return None
    phrases = [types.PhraseSet.Phrase(value=hint) for hint in config.hints]
    inline = types.SpeechAdaptation.AdaptationPhraseSet(
        inline_phrase_set=types.PhraseSet(phrases=phrases, boost=config.hint_boost)
    )
    return types.SpeechAdaptation(phrase_sets=[inline])


def _words(result: Any) -> list[HeardWord]:
    if not result.is_final or not result.alternatives:
        return []
    return [
        HeardWord(
            word.word, seconds(word.start_offset), seconds(word.end_offset), word.confidence or None
        )
        for word in result.alternatives[0].words
    ]
