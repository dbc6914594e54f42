"""The stand-in's limits, asserted by a client of Google's own types that is not our engine's."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Self

import grpc
import grpc.aio
import pytest
from google.cloud import speech_v1, speech_v2
from google.cloud.speech_v1.types import cloud_speech as v1
from google.cloud.speech_v2.types import cloud_speech as v2
from google_calls import both, standing_in

from listen_sinks.transcript.google.clock import Clock
from listen_sinks.transcript.google.stand_in import Ended, Faults, Limits, spoken

RIGHT = "a token"
RECOGNIZER = "projects/p/locations/global/recognizers/_"
SAID = spoken([1, 2, 3], 8000).T.tobytes()


def v1_opening(**changes: Any) -> v1.StreamingRecognizeRequest:
    config = {
        "encoding": "LINEAR16",
        "sample_rate_hertz": 8000,
        "language_code": "en-US",
        "enable_word_time_offsets": True,
        **changes,
    }
    streaming = v1.StreamingRecognitionConfig(config=config, interim_results=True)
    return v1.StreamingRecognizeRequest(streaming_config=streaming)


def v2_opening(
    recognizer: str = RECOGNIZER, language: str = "en-US", **decoding: Any
) -> v2.StreamingRecognizeRequest:
    config = v2.RecognitionConfig(
        explicit_decoding_config={
            "encoding": "LINEAR16",
            "sample_rate_hertz": 8000,
            "audio_channel_count": 1,
            **decoding,
        },
        language_codes=[language],
        model="telephony",
        features={"enable_word_time_offsets": True},
    )
    streaming = v2.StreamingRecognitionConfig(
        config=config, streaming_features={"interim_results": True}
    )
    return v2.StreamingRecognizeRequest(recognizer=recognizer, streaming_config=streaming)


@dataclass(frozen=True)
class Api:
    """One version, as a bare client sees it."""

    name: str
    method: str
    request: Any
    response: Any
    opening: Callable[..., Any]
    audio: Callable[[bytes], Any]
    largest: int
    aged: str  # the status of a stream that is too old

    def __str__(self) -> str:
        return self.name


V1 = Api(
    "v1",
    "/google.cloud.speech.v1.Speech/StreamingRecognize",
    v1.StreamingRecognizeRequest,
    v1.StreamingRecognizeResponse,
    v1_opening,
    lambda data: v1.StreamingRecognizeRequest(audio_content=data),
    25_600,
    "OUT_OF_RANGE",
)
V2 = Api(
    "v2",
    "/google.cloud.speech.v2.Speech/StreamingRecognize",
    v2.StreamingRecognizeRequest,
    v2.StreamingRecognizeResponse,
    v2_opening,
    lambda data: v2.StreamingRecognizeRequest(audio=data),
    15_360,
    "ABORTED",
)
both_versions = pytest.mark.parametrize("api", [V1, V2], ids=str)


class RawClient:
    """A gRPC stream, and nothing of ours."""

    def __init__(self, api: Api, address: str) -> None:
        self.api = api
        self.channel = grpc.aio.insecure_channel(address)
        self.call = self.channel.stream_stream(
            api.method,
            request_serializer=api.request.serialize,
            response_deserializer=api.response.deserialize,
        )()

    async def send(self, *requests: Any) -> None:
        for request in requests:
            await self.call.write(request)

    async def results(self) -> list[Any]:
        """End the stream; return all results."""
        await self.call.done_writing()
        return await self.rest()

    async def rest(self) -> list[Any]:
        found: list[Any] = []
        while (response := await self.call.read()) is not grpc.aio.EOF:
            found += response.results
        return found

    async def status(self) -> tuple[str, str]:
        """Wait for the stream to end; return its status."""
        return (await self.call.code()).name, await self.call.details()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()


def finals(results: list[Any]) -> list[str]:
    return [result.alternatives[0].transcript for result in results if result.is_final]


@both_versions
async def test_tokens_are_heard_with_their_times(api: Api) -> None:
    async with standing_in() as (_, address), RawClient(api, address) as client:
        await client.send(api.opening(), api.audio(SAID[:9000]), api.audio(SAID[9000:]))
        results = await client.results()

    assert " ".join(finals(results)) == "1 2 3"
    assert any(not result.is_final for result in results)
    words = results[-1].alternatives[0].words
    assert words[-1].word == "3"
    ends = words[-1].end_time if api is V1 else words[-1].end_offset
    assert ends.total_seconds() == pytest.approx(0.5, abs=0.01)


@both_versions
async def test_a_stream_without_a_configuration_is_refused(api: Api) -> None:
    async with standing_in() as (_, address), RawClient(api, address) as client:
        await client.send(api.audio(SAID[:1600]))
        assert (await client.status())[0] == "INVALID_ARGUMENT"
    async with standing_in() as (_, address), RawClient(api, address) as client:
        await client.call.done_writing()
        assert (await client.status())[0] == "INVALID_ARGUMENT"


@both_versions
async def test_a_second_configuration_is_refused(api: Api) -> None:
    async with standing_in() as (_, address), RawClient(api, address) as client:
        await client.send(api.opening(), api.opening())
        code, details = await client.status()

    assert code == "INVALID_ARGUMENT"
    assert "exactly one config" in details


@both_versions
@pytest.mark.parametrize(("over", "code"), [(0, "OK"), (1, "INVALID_ARGUMENT")])
async def test_a_request_has_its_most_bytes(api: Api, over: int, code: str) -> None:
    async with standing_in() as (_, address), RawClient(api, address) as client:
        await client.send(api.opening(), api.audio(bytes(api.largest + over)))
        await client.call.done_writing()
        assert (await client.status())[0] == code


@both_versions
async def test_a_stream_ends_after_five_minutes_by_its_clock(api: Api) -> None:
    clock = Clock(600)
    patient = Limits(no_audio=1000.0)
    async with (
        standing_in(clock=clock, limits=patient) as (_, address),
        RawClient(api, address) as client,
    ):
        begun = clock.now()
        await client.send(api.opening(), api.audio(bytes(1600)))
        code, details = await client.status()
        lasted = clock.now() - begun

    assert code == api.aged
    assert "305 seconds" in details or "5 minutes" in details
    assert 299 < lasted < 500


@both_versions
async def test_five_minutes_of_audio_are_the_end_too(api: Api) -> None:
    limits = Limits(stream=5.0, ahead=100.0)
    async with standing_in(limits=limits) as (_, address), RawClient(api, address) as client:
        await client.send(api.opening(), *[api.audio(bytes(8000))] * 10)
        await client.send(api.audio(bytes(8000)))
        code, details = await client.status()

    assert code == api.aged
    assert "stream" in details


@both_versions
async def test_ten_seconds_without_audio_end_a_stream(api: Api) -> None:
    clock = Clock(200)
    async with standing_in(clock=clock) as (_, address), RawClient(api, address) as client:
        begun = clock.now()
        await client.send(api.opening(), api.audio(bytes(1600)))
        code, details = await client.status()

    assert code == api.aged
    assert "audio" in details or "no more client requests" in details
    assert clock.now() - begun >= 10


@both_versions
@pytest.mark.parametrize(("half_seconds", "code"), [(30, "OK"), (31, "OUT_OF_RANGE")])
async def test_audio_that_is_far_faster_than_speech_ends_a_stream(
    api: Api, half_seconds: int, code: str
) -> None:
    hardly_passing = Clock(0.001)
    async with (
        standing_in(clock=hardly_passing) as (_, address),
        RawClient(api, address) as client,
    ):
        await client.send(api.opening(), *[api.audio(bytes(8000))] * half_seconds)
        await client.call.done_writing()

        assert (await client.status())[0] == code


@pytest.mark.parametrize(
    "opening",
    [
        v1_opening(sample_rate_hertz=64000),
        v1_opening(sample_rate_hertz=7999),
        v1_opening(language_code="xx-XX"),
        v1_opening(language_code=""),
        v1_opening(audio_channel_count=9),
        v2_opening(sample_rate_hertz=64000),
        v2_opening(language="xx-XX"),
        v2_opening(recognizer=""),
        v2_opening(recognizer="recognizers/_"),
        v2_opening(audio_channel_count=9),
    ],
)
async def test_a_configuration_that_google_does_not_take_is_refused(opening: Any) -> None:
    api = V1 if isinstance(opening, v1.StreamingRecognizeRequest) else V2
    async with standing_in() as (_, address), RawClient(api, address) as client:
        await client.send(opening)
        assert (await client.status())[0] == "INVALID_ARGUMENT"


@both_versions
async def test_channels_are_heard_apart(api: Api) -> None:
    audio = both(spoken([1, 2], 8000), spoken([7, 8, 9], 8000)).T.tobytes()
    if api is V1:
        opening = v1_opening(audio_channel_count=2, enable_separate_recognition_per_channel=True)
    else:
        opening = v2_opening(audio_channel_count=2)
    async with standing_in() as (_, address), RawClient(api, address) as client:
        await client.send(opening, api.audio(audio[:12001]), api.audio(audio[12001:]))
        results = await client.results()

    heard = {result.channel_tag: result for result in results if result.is_final}
    assert heard[1].alternatives[0].transcript == "1 2"
    assert heard[2].alternatives[0].transcript == "7 8 9"


@both_versions
async def test_other_sound_than_tokens_is_told_as_sound(api: Api) -> None:
    ramp = bytes(range(256)) * 40
    async with standing_in() as (_, address), RawClient(api, address) as client:
        await client.send(api.opening(), api.audio(ramp))
        assert finals(await client.results()) == ["sound"]


@both_versions
async def test_faults_come_when_they_are_asked_for(api: Api) -> None:
    faults = Faults()
    faults.next.append(Ended("RESOURCE_EXHAUSTED", "no quota"))
    async with standing_in(faults=faults) as (stand_in, address):
        async with RawClient(api, address) as client:
            assert await client.status() == ("RESOURCE_EXHAUSTED", "no quota")
        async with RawClient(api, address) as client:
            await client.send(api.opening())
            assert await client.results() == []
        faults.unavailable = 1.0
        async with RawClient(api, address) as client:
            await client.send(api.opening())
            assert (await client.status())[0] == "UNAVAILABLE"
        await stand_in.idle()

        assert stand_in.ends == ["RESOURCE_EXHAUSTED", "OK", "UNAVAILABLE"]


@both_versions
async def test_a_stream_needs_the_token_where_one_is_wanted(api: Api) -> None:
    async with standing_in(token=RIGHT) as (_, address), RawClient(api, address) as client:
        assert (await client.status())[0] == "UNAUTHENTICATED"


async def test_googles_own_client_understands_the_stand_in() -> None:
    async def v1_requests() -> AsyncIterator[v1.StreamingRecognizeRequest]:
        yield v1_opening()
        yield V1.audio(SAID)

    async def v2_requests() -> AsyncIterator[v2.StreamingRecognizeRequest]:
        yield v2_opening()
        yield V2.audio(SAID)

    heard: list[Any] = []
    async with standing_in() as (_, address):
        for module, requests in ((speech_v1, v1_requests), (speech_v2, v2_requests)):
            transport = module.SpeechAsyncClient.get_transport_class("grpc_asyncio")
            channel = grpc.aio.insecure_channel(address)
            client = module.SpeechAsyncClient(transport=transport(channel=channel))
            answers = await client.streaming_recognize(requests=requests(), retry=None)
            heard.append([result async for answer in answers for result in answer.results])
            await channel.close()

    assert [finals(results) for results in heard] == [["1 2 3"], ["1 2 3"]]
