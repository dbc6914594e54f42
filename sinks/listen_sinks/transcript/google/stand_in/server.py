"""Google's streaming recognition, v1 and v2, on this machine: a real gRPC server.

It recognises no speech: it hears the tokens of tokens.py, and tells of any other sound that there
was one. session.py is what it does with a stream.
"""

import asyncio
from typing import Any, Final

import grpc
import grpc.aio

from listen_sinks.transcript.google.clock import Clock
from listen_sinks.transcript.google.stand_in.faults import NOT_KNOWN, Faults
from listen_sinks.transcript.google.stand_in.limits import Ended, Limits
from listen_sinks.transcript.google.stand_in.session import Session
from listen_sinks.transcript.google.stand_in.wire import V1Wire, V2Wire, Wire

_OPTIONS: Final = (("grpc.so_reuseport", 0), ("grpc.http2.min_ping_interval_without_data_ms", 5000))


class StandIn:
    """A server; `started` says where it listens, `streams` how many it had, `ends` how they did."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        faults: Faults | None = None,
        clock: Clock | None = None,
        token: str | None = None,
    ) -> None:
        """Take a token where streams must identify themselves."""
        self.limits = limits or Limits()
        self.faults = faults or Faults()
        self.clock = clock or Clock()
        self.streams = 0
        self._live = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.ends: list[str] = []
        """How streams ended: names of gRPC's codes, of the last thousand."""
        self._token = token
        self._server: Any = None

    async def start(self, address: str = "127.0.0.1:0", tls: Any = None) -> str:
        """Listen; return host and port. `tls` is grpc's server credentials. Raises OSError."""
        self._server = grpc.aio.server(options=_OPTIONS)
        handlers = [self._handler(V1Wire()), self._handler(V2Wire())]
        self._server.add_generic_rpc_handlers(tuple(handlers))
        try:
            port = (
                self._server.add_secure_port(address, tls)
                if tls
                else self._server.add_insecure_port(address)
            )
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}") from error
        await self._server.start()
        return f"{address.rpartition(':')[0]}:{port}"

    async def stop(self) -> None:
        """End all streams and stop listening."""
        if self._server is not None:
            await self._server.stop(None)

    async def idle(self) -> None:
        """Wait until no stream is left."""
        await self._idle.wait()

    async def wait(self) -> None:
        """Serve until stopped."""
        await self._server.wait_for_termination()

    def _handler(self, wire: Wire) -> Any:
        async def serve(_: Any, context: Any) -> None:
            ended = await self._serve(wire, context)
            if ended is not None:
                await context.abort(grpc.StatusCode[ended.code], ended.details)

        method = grpc.stream_stream_rpc_method_handler(serve)
        return grpc.method_handlers_generic_handler(wire.service, {"StreamingRecognize": method})

    async def _serve(self, wire: Wire, context: Any) -> Ended | None:
        self.streams += 1
        self._live += 1
        self._idle.clear()
        ended: Ended | None = Ended("CANCELLED", "by the client")
        try:
            ended = (
                self._refused(context)
                or await Session(
                    wire, context, limits=self.limits, faults=self.faults, clock=self.clock
                ).serve()
            )
        finally:
            self._live -= 1
            if not self._live:
                self._idle.set()
            self.ends.append(ended.code if ended else "OK")
            del self.ends[:-1000]
        return ended

    def _refused(self, context: Any) -> Ended | None:
        ended = self.faults.at_open()
        if ended is not None or self._token is None:
            return ended
        metadata = dict(context.invocation_metadata() or ())
        return None if metadata.get("authorization") == f"Bearer {self._token}" else NOT_KNOWN
