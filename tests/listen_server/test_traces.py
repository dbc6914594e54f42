"""Spans, as a collector gets them."""

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from harness import say, serving, settings, until
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from listen_server.errors import ConfigError
from listen_server.traces import NoTraces, make_traces

METADATA = '{"sampleRate":8000,"mixType":"mono","callSid":"canary","from":"+15551230001"}'


class Collector:
    """An OTLP collector that keeps what it is sent."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.port = 0

    async def take(self, request: Request) -> Response:
        body = await request.body()
        gzipped = request.headers.get("content-encoding") == "gzip"
        self.received.append(gzip.decompress(body) if gzipped else body)
        return Response(b"", media_type="application/x-protobuf")

    @property
    def spans(self) -> list[object]:
        requests = map(ExportTraceServiceRequest.FromString, self.received)
        resources = [resource for request in requests for resource in request.resource_spans]
        return [s for r in resources for scope in r.scope_spans for s in scope.spans]


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    app = Starlette(routes=[Route("/v1/traces", collector.take, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    collector.port = server.servers[0].sockets[0].getsockname()[1]
    yield collector
    server.should_exit = True
    await task


async def test_a_stream_is_one_span_without_a_word_of_the_caller(
    tmp_path: Path, collector: Collector
) -> None:
    endpoint = f"http://127.0.0.1:{collector.port}"
    async with serving(settings(tmp_path, otlp_endpoint=endpoint)) as server:
        async with server.connect() as socket:
            await say(socket, METADATA, bytes(320))
        recording = await server.recording()

    (span,) = collector.spans
    attributes = {item.key: item.value for item in span.attributes}  # type: ignore[attr-defined] # protobuf
    assert attributes["listen.stream"].string_value == recording.call.stream_id
    assert attributes["outcome"].string_value == "complete"
    assert not any(word in b"".join(collector.received) for word in (b"canary", b"1555"))


def test_without_a_collector_there_are_no_traces() -> None:
    assert isinstance(make_traces(None), NoTraces)


def test_a_missing_extra_is_told_with_its_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(ConfigError, match=r"listen-server\[telemetry\]"):
        make_traces("http://127.0.0.1:4318")
