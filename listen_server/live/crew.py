"""All workers of a server as one: who has a call, and which of them can write to it.

commander.py commands, api.py shows. A worker that does not answer costs its own calls alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from listen_server.live.here import Away, Worker
from listen_server.live.seen import SeenCall

log = structlog.get_logger(__name__)
RESUME: Final = 30.0  # seconds that a dropped socket is waited for, as in jambonz/sockets.py
_AGAIN: Final = 0.25  # seconds between two looks for it


@dataclass(frozen=True, slots=True)
class Held:
    """A call, and the workers that hold its parts."""

    call: SeenCall
    streaming: tuple[Worker, ...] = field(default=(), repr=False)
    """Those that have a stream of it."""
    writing: Worker | None = field(default=None, repr=False)
    """The one that has its application socket."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What the workers have seen."""

    calls: Mapping[str, Held] = field(repr=False)
    """By callSid, in the order of the workers, and in theirs."""
    unanswered: int
    """How many workers did not answer."""


async def _no_others() -> tuple[list[Worker], int]:
    return [], 0


class Crew:
    """This worker and the others."""

    def __init__(
        self,
        here: Worker,
        others: Callable[[], Awaitable[tuple[Sequence[Worker], int]]] = _no_others,
    ) -> None:
        """`others` finds them: those that can be asked, and how many cannot."""
        self._here = here
        self._others = others
        self._several = others is not _no_others

    async def look(self, tenant: str, call_sids: Sequence[str] | None = None) -> Overview:
        """Return a tenant's calls, in all workers that answer."""
        others, missing = await self._others()
        workers = [self._here, *others]
        answers = await asyncio.gather(*(_asked(one, tenant, call_sids) for one in workers))
        found = [(one, calls) for one, calls in zip(workers, answers, strict=True) if calls]
        missing += sum(calls is None for calls in answers)
        if missing:
            log.warning("workers do not answer, and their calls are not seen", workers=missing)
        return Overview(_joined(found), missing)

    async def find(self, tenant: str, call_sid: str) -> tuple[Held | None, int]:
        """Return a call, and how many workers did not answer. A leg's socket is its call's."""
        overview = await self.look(tenant, [call_sid])
        held = overview.calls.get(call_sid)
        if held is None or _reachable(held) or not held.call.parents:
            return held, overview.unanswered
        parents = await self.look(tenant, held.call.parents)
        return _with_socket(held, parents.calls), overview.unanswered

    async def reconnected(self, held: Held) -> Held:
        """Wait for a socket that has dropped: it may come back to any of several workers."""
        call, clock = held.call, asyncio.get_running_loop().time
        until = clock() + RESUME
        while self._several and held.writing and not _reachable(held) and clock() < until:
            await asyncio.sleep(_AGAIN)
            found, _ = await self.find(call.tenant, call.call_sid)
            held = found or Held(replace(held.call, socket=None), held.streaming)
        return held


async def _asked(
    worker: Worker, tenant: str, call_sids: Sequence[str] | None
) -> list[SeenCall] | None:
    try:
        return await worker.look(tenant, call_sids)
    except Away:
        return None


def _joined(found: Iterable[tuple[Worker, list[SeenCall]]]) -> Mapping[str, Held]:
    held: dict[str, Held] = {}
    for worker, calls in found:
        for call in calls:
            here = Held(
                call, (worker,) if call.streams else (), worker if call.socket is not None else None
            )
            known = held.get(call.call_sid)
            held[call.call_sid] = _both(known, here) if known else here
    return {sid: _with_socket(one, held) for sid, one in held.items()}


def _both(one: Held, other: Held) -> Held:
    """Join what two workers hold of a call. An open socket is better, then one of its own."""
    better = one if _rank(one.call) >= _rank(other.call) else other
    call = replace(
        one.call, streams=one.call.streams + other.call.streams, socket=better.call.socket
    )
    return Held(call, one.streaming + other.streaming, better.writing)


def _reachable(held: Held) -> bool:
    return held.call.socket is not None and held.call.socket.connected


def _rank(call: SeenCall) -> tuple[bool, bool, bool]:
    socket = call.socket
    return socket is not None, socket is not None and socket.connected, not call.is_leg


def _with_socket(held: Held, known: Mapping[str, Held]) -> Held:
    """Give a leg the socket of its call, where another worker has that, and it has no better."""
    for sid, parent in _parents(held, known):
        if parent.call.socket is None or _reachable(held):
            continue
        if held.writing is None or _reachable(parent):
            socket = replace(parent.call.socket, call_sid=sid)
            held = Held(replace(held.call, socket=socket), held.streaming, parent.writing)
    return held


def _parents(held: Held, known: Mapping[str, Held]) -> Iterator[tuple[str, Held]]:
    for sid in held.call.parents:
        if sid in known:
            yield sid, known[sid]
