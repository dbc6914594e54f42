import pytest
from google.cloud.speech_v1.types import cloud_speech as v1
from google.cloud.speech_v2.types import cloud_speech as v2

from listen_sinks.transcript.google import GoogleConfig
from listen_sinks.transcript.google.dialect import Asked
from listen_sinks.transcript.google.faults import Fault
from listen_sinks.transcript.google.v1 import V1
from listen_sinks.transcript.google.v2 import V2

ALL_AS_ONE = v2.RecognitionFeatures.MultiChannelMode.MULTI_CHANNEL_MODE_UNSPECIFIED
STEREO = Asked(16000, 2, "de-DE", "the-project")
MONO = Asked(8000, 1, "en-US", "the-project")
ALL = GoogleConfig(
    location="eu",
    recognizer="mine",
    alternative_languages=("en-US", "de-DE"),
    model="chirp_3",
    hints=("jambonz", "Marlborough"),
    hint_boost=15.0,
    profanity_filter=True,
    punctuation=False,
    interim_results=False,
    word_times=False,
)


def v1_opening(config: GoogleConfig, asked: Asked) -> v1.StreamingRecognitionConfig:
    request = v1.StreamingRecognizeRequest.deserialize(V1().opening(config, asked))
    assert isinstance(request, v1.StreamingRecognizeRequest)
    return request.streaming_config


def v2_opening(config: GoogleConfig, asked: Asked) -> v2.StreamingRecognizeRequest:
    request = v2.StreamingRecognizeRequest.deserialize(V2().opening(config, asked))
    assert isinstance(request, v2.StreamingRecognizeRequest)
    return request


def test_every_option_reaches_google_in_version_2() -> None:
    request = v2_opening(ALL, STEREO)
    streaming = request.streaming_config
    config = streaming.config
    (phrases,) = config.adaptation.phrase_sets
    apart = v2.RecognitionFeatures.MultiChannelMode.SEPARATE_RECOGNITION_PER_CHANNEL

    assert request.recognizer == "projects/the-project/locations/eu/recognizers/mine"
    assert config.explicit_decoding_config.sample_rate_hertz == 16000
    assert config.explicit_decoding_config.audio_channel_count == 2
    assert config.model == "chirp_3"
    assert list(config.language_codes) == ["de-DE", "en-US"]
    assert [one.value for one in phrases.inline_phrase_set.phrases] == ["jambonz", "Marlborough"]
    assert phrases.inline_phrase_set.boost == 15.0
    assert config.features.profanity_filter
    assert not config.features.enable_automatic_punctuation
    assert not config.features.enable_word_time_offsets
    assert config.features.multi_channel_mode == apart
    assert not streaming.streaming_features.interim_results


def test_every_option_reaches_google_in_version_1() -> None:
    streaming = v1_opening(ALL, STEREO)
    config = streaming.config

    assert (config.sample_rate_hertz, config.audio_channel_count) == (16000, 2)
    assert config.enable_separate_recognition_per_channel
    assert config.language_code == "de-DE"
    assert list(config.alternative_language_codes) == ["en-US"]
    assert list(config.speech_contexts[0].phrases) == ["jambonz", "Marlborough"]
    assert config.speech_contexts[0].boost == 15.0
    assert config.model == "chirp_3"
    assert config.profanity_filter
    assert not config.enable_automatic_punctuation
    assert not config.enable_word_time_offsets
    assert not streaming.interim_results


def test_without_options_a_telephone_call_gets_the_model_for_telephones() -> None:
    one, two = v1_opening(GoogleConfig(), MONO), v2_opening(GoogleConfig(), MONO)

    assert one.config.model == two.streaming_config.config.model == "telephony"
    assert not one.config.enable_separate_recognition_per_channel
    assert two.streaming_config.config.features.multi_channel_mode == ALL_AS_ONE
    assert one.interim_results
    assert two.recognizer == "projects/the-project/locations/global/recognizers/_"
    assert v1_opening(GoogleConfig(), STEREO).config.model == "latest_long"
    assert v2_opening(GoogleConfig(), STEREO).streaming_config.config.model == "long"


def test_the_configured_project_goes_before_the_credentials_own() -> None:
    assert v2_opening(GoogleConfig(project="other"), MONO).recognizer.startswith("projects/other/")


def test_a_request_holds_the_audio_and_nothing_else() -> None:
    one = v1.StreamingRecognizeRequest.deserialize(V1().request(b"\1\2"))
    two = v2.StreamingRecognizeRequest.deserialize(V2().request(b"\1\2"))

    assert one == v1.StreamingRecognizeRequest(audio_content=b"\1\2")
    assert two == v2.StreamingRecognizeRequest(audio=b"\1\2")


def test_an_answer_is_read_with_its_words_and_its_channel() -> None:
    result = v2.StreamingRecognitionResult(
        alternatives=[
            {
                "transcript": " hello there",
                "confidence": 0.75,
                "words": [
                    {
                        "word": "hello",
                        "start_offset": {"nanos": 500_000_000},
                        "end_offset": {"seconds": 1},
                    }
                ],
            },
            {"transcript": "yellow hair"},
        ],
        is_final=True,
        result_end_offset={"seconds": 2, "nanos": 250_000_000},
        channel_tag=2,
        language_code="en-us",
    )
    answer = v2.StreamingRecognizeResponse.serialize(
        v2.StreamingRecognizeResponse(results=[result])
    )

    (heard,) = V2().heard(answer)

    assert (heard.text, heard.channel, heard.end, heard.confidence) == (
        "hello there",
        1,
        2.25,
        0.75,
    )
    assert heard.language == "en-us"
    assert [(word.text, word.start, word.end) for word in heard.words] == [("hello", 0.5, 1.0)]


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_what_google_is_sure_of_and_what_it_guesses_are_one_interim_result(api: str) -> None:
    # The example in the documentation of StreamingRecognizeResponse, in each of two channels.
    pieces = [
        {"alternatives": [{"transcript": text}], "stability": stability, "channel_tag": channel}
        for text, stability in (("to be", 0.9), (" or not to be", 0.01))
        for channel in (1, 2)
    ]
    final = {"alternatives": [{"transcript": "well "}], "is_final": True, "channel_tag": 1}
    kind = v1.StreamingRecognizeResponse if api == "v1" else v2.StreamingRecognizeResponse
    answer = kind.serialize(kind(results=[final, *pieces]))

    heard = (V1() if api == "v1" else V2()).heard(answer)

    assert [(one.text, one.channel, one.is_final) for one in heard] == [
        ("well", 0, True),
        ("to be or not to be", 0, False),
        ("to be or not to be", 1, False),
    ]


def test_an_answer_without_words_is_one() -> None:
    empty = v1.StreamingRecognizeResponse(results=[v1.StreamingRecognitionResult(is_final=True)])

    (heard,) = V1().heard(v1.StreamingRecognizeResponse.serialize(empty))

    assert (heard.text, heard.is_final) == ("", True)
    assert V2().heard(b"") == []


def test_an_error_inside_an_answer_ends_the_stream() -> None:
    answer = v1.StreamingRecognizeResponse(error={"code": 8, "message": "quota"})

    with pytest.raises(Fault, match="RESOURCE_EXHAUSTED: quota"):
        V1().heard(v1.StreamingRecognizeResponse.serialize(answer))
