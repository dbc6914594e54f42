"""Streams to Google over a few connections, and what gRPC has to be told for that.

This room alone imports gRPC, and takes a second and 50 MB for it: plugin.py asks for it late.
The generated client is left out: it would retry a stream by itself, with audio that is gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import grpc
import grpc.aio

from listen_sinks.transcript.google.config import GoogleConfig
from listen_sinks.transcript.google.credentials import Credential, load_credential
from listen_sinks.transcript.google.dialect import Dialect
from listen_sinks.transcript.google.faults import Fault
from listen_sinks.transcript.google.v1 import V1
from listen_sinks.transcript.google.v2 import V2

__all__ = ["GoogleStream", "Service", "load_credential"]

STREAMS_PER_CONNECTION: Final = 80
"""Google's servers take 100 at once; gRPC would let the others wait without a word."""
_OVERTAKEN: Final = "Internal error from Core"
_STATUS_LOOKS: Final = 200
_STATUS_WAIT: Final = 0.005  # seconds
_OPTIONS: Final = (
    ("grpc.enable_retries", 0),  # gRPC's own would keep 256 KiB of every stream for them
    ("grpc.use_local_subchannel_pool", 1),  # or all channels would share one connection
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),  # it waits up to two minutes otherwise
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.primary_user_agent", "listen-server"),
)


@dataclass(slots=True)
class _Connection:
    channel: Any
    streams: set["GoogleStream"] = field(default_factory=set)


class Service:
    """Opens streams."""

    def __init__(
        self, config: GoogleConfig, credential: Credential | None, roots: bytes | None = None
    ) -> None:
        """Take no credential where the service is insecure; `roots` is PEM."""
        self.credential = credential
        self.dialect: Dialect = V2() if config.api == "v2" else V1()
        self._config = config
        self._roots = roots
        self._connections: list[_Connection] = []

    def connect(self) -> None:
        """Begin to connect: the first words shall not wait for that. A failure shows later."""
        self._free().channel.get_state(try_to_connect=True)

    async def open(self) -> "GoogleStream":
        """Begin a stream. Raises Fault, EngineRefused; a host that is away shows later."""
        headers = tuple(await self.credential.headers()) if self.credential else ()
        connection = self._free()
        start = connection.channel.stream_stream(
            self.dialect.method, request_serializer=None, response_deserializer=None
        )
        stream = GoogleStream(start(metadata=headers), connection.streams.discard)
        connection.streams.add(stream)
        return stream

    async def close(self) -> None:
        """Let go of all connections, and of streams that are left."""
        for connection in self._connections:
            await connection.channel.close()
        self._connections.clear()

    def _free(self) -> _Connection:
        for connection in self._connections:
            if len(connection.streams) < STREAMS_PER_CONNECTION:
                return connection
        _keep_grpc()
        connection = _Connection(self._channel())
        self._connections.append(connection)
        return connection

    def _channel(self) -> Any:
        if self._config.insecure:
            return grpc.aio.insecure_channel(self._config.target, options=_OPTIONS)
        tls = grpc.ssl_channel_credentials(root_certificates=self._roots)
        return grpc.aio.secure_channel(self._config.target, tls, options=_OPTIONS)


class GoogleStream:
    """One gRPC stream: bytes out, bytes in, and a Fault where its status is not OK."""

    def __init__(self, call: Any, gone: Callable[["GoogleStream"], None]) -> None:
        self._call = call
        self._gone = gone
        self._abandoned: Fault | None = None
        self._status: Fault | None = None
        call.add_done_callback(self._end)

    async def write(self, request: bytes) -> None:
        """Send a request; return when gRPC has taken it. Raises Fault."""
        await self._guarded(self._call.write(request))

    async def done_writing(self) -> None:
        """Say that no request will come. Raises Fault."""
        await self._guarded(self._call.done_writing())

    async def read(self) -> bytes | None:
        """Return the next answer, or None after the last. Raises Fault."""
        answer = await self._guarded(self._call.read())
        return None if answer is grpc.aio.EOF else bytes(answer)

    def abandon(self, fault: Fault | None = None) -> None:
        """End it now, at any moment; whoever waits gets the fault."""
        self._abandoned = self._abandoned or fault or Fault("CANCELLED", "abandoned by us")
        self._call.cancel()
        self._gone(self)

    def _end(self, call: Any) -> None:
        """Remember the status as it comes: a write that runs into it makes it INTERNAL."""
        details = _at_once(call.details()) or ""
        if details != _OVERTAKEN:
            self._status = Fault(_at_once(call.code()).name, details)

    async def _fault(self) -> Fault:
        """Return the status, which may come after what a write made of it."""
        for _ in range(_STATUS_LOOKS):
            if self._status is None:
                await asyncio.sleep(_STATUS_WAIT)
                self._end(self._call)
        return self._status or Fault("INTERNAL", _OVERTAKEN)

    async def _guarded(self, doing: Awaitable[Any]) -> Any:
        try:
            return await doing
        except grpc.aio.AioRpcError:
            raise await self._fault() from None
        except asyncio.InvalidStateError as error:
            raise Fault("CANCELLED", "the stream has ended") from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._abandoned is None or (task is not None and task.cancelling()):
                raise
            raise self._abandoned from None


@cache
def _keep_grpc() -> None:
    """Keep gRPC's thread for good: else it ends with the last channel, and leaves a socket open."""
    grpc.aio.init_grpc_aio()


def _at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine returns that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as returned:
        return returned.value
    coroutine.close()
    raise RuntimeError("a call that has ended still waits for its status")
