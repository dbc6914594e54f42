"""What can be measured, each with what it runs and what it is to reach. __main__.py runs them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from subprocess import TimeoutExpired
from typing import Any, Final, TypeAlias, TypeVar

from benchmarks import aims
from benchmarks.applications import TRANSPORTS, Asked, Held, ask_hooks, hold_sockets
from benchmarks.away import ENGINES, Beside, beside
from benchmarks.contenders import (
    DISCARD,
    MEMORY,
    RECORDING,
    SLOWED,
    STOCK,
    THROTTLED,
    VOICEMAIL,
    Contender,
)
from benchmarks.disturbances import too_busy
from benchmarks.ending import Ended, end_at_once
from benchmarks.load import BenchError, Load, Plan, SimulatedLoad
from benchmarks.processes import file_limit
from benchmarks.range_read import read_a_range
from benchmarks.runs import Result, Unplaced, run
from benchmarks.transcribing import Transcribed, transcribe

SPARE_FILES: Final = 5  # that a server opens for each call, at most
OTHER_FILES: Final = 500
TRANSCRIBED: Final = 200  # calls, at most
SOCKETS: Final = 1000
SET_UPS: Final = 200  # calls in a second

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What all arms have in common."""

    load: Load
    reference: Contender | None
    calls: int
    rounds: int
    seconds: int
    retries: int


@dataclass(frozen=True, slots=True)
class Step:
    """One run of an arm."""

    what: str
    act: Callable[[], Any]


Steps: TypeAlias = list[Step]


@dataclass(frozen=True, slots=True)
class Arm:
    """One question."""

    title: str
    steps: Callable[[Conditions], Steps]
    aims: Callable[[Sequence[Any]], list[aims.Aim]]


def _side_by_side(given: Conditions, channels: int) -> Steps:
    servers = [STOCK, THROTTLED, DISCARD, MEMORY, RECORDING]
    if given.reference is not None:
        servers.append(given.reference)
    rounds = given.rounds if channels == 1 else 1
    return _rounds(given, servers, Plan(given.calls, channels, given.seconds), rounds)


def _twice(given: Conditions) -> Steps:
    return _rounds(given, [DISCARD], Plan(2 * given.calls, seconds=given.seconds))


def _one_core(given: Conditions) -> Steps:
    if len(os.sched_getaffinity(0)) < 2:
        return []
    plan = Plan(6 * given.calls, seconds=given.seconds, one_core=True)
    return _rounds(given, [DISCARD], plan, 1)


def _voicemail(given: Conditions) -> Steps:
    return _rounds(given, [STOCK, DISCARD, VOICEMAIL], _stereo(given))


def _slow_syncs(given: Conditions) -> Steps:
    return _rounds(given, [SLOWED], _stereo(given), min(2, given.rounds))


def _ending(given: Conditions) -> Steps:
    if isinstance(given.load, SimulatedLoad):
        return []
    ending = replace(_stereo(given), end_at_once=True)
    live = Plan(max(1, ending.calls // 6), 2, seconds=300, all_followed=True)
    act = partial(_ended, given, live, ending)
    return [Step(f"{ending.calls} messages end at once", act)] * min(2, given.rounds)


def _range(given: Conditions) -> Steps:
    del given
    return [Step("an hour-long message", read_a_range)]


def _transcripts(given: Conditions) -> Steps:
    plan = Plan(min(given.calls, TRANSCRIBED), seconds=given.seconds)
    return [
        step
        for _ in range(given.rounds)
        for step in (
            *_rounds(given, [STOCK], plan, 1),
            *(
                Step(f"{plan.calls} calls into {sink}", partial(_transcribed, sink, plan))
                for sink in ("discard", "google")
            ),
        )
    ]


def _away(given: Conditions) -> Steps:
    calls = min(given.calls, TRANSCRIBED)
    return [
        Step(f"{calls} calls, engine: {engine}", partial(_beside, engine, calls, given.seconds))
        for _ in range(given.rounds)
        for engine in ENGINES
    ]


def _sockets(given: Conditions) -> Steps:
    sockets = min(SOCKETS, 2 * given.calls)
    return [Step(f"{sockets} idle application sockets", partial(_held, sockets))]


def _hooks(given: Conditions) -> Steps:
    return [
        Step(f"{SET_UPS} calls a second, {name}", partial(_asked, name, given.seconds))
        for _ in range(given.rounds)
        for name in TRANSPORTS
    ]


ARMS: Final = {
    "mono": Arm("Side by side, mono", partial(_side_by_side, channels=1), aims.of_receiving),
    "stereo": Arm("Side by side, stereo", partial(_side_by_side, channels=2), aims.of_receiving),
    "twice": Arm("Twice as many calls", _twice, aims.of_delay),
    "one-core": Arm("Six times as many calls, on one core", _one_core, aims.of_one_core),
    "voicemail": Arm("Sealed and kept", _voicemail, aims.of_voicemail),
    "slow-syncs": Arm("On a disk whose syncs take 0.5 to 2 s", _slow_syncs, aims.of_slow_syncs),
    "ending": Arm("Messages that end at once, beside live calls", _ending, aims.of_ending),
    "transcripts": Arm("Understood, by the stand-in for Google", _transcripts, aims.of_transcripts),
    "away": Arm("Beside an engine that is away", _away, aims.of_away),
    "sockets": Arm("Application sockets that are idle", _sockets, aims.of_sockets),
    "hooks": Arm("Calls that are set up by an application", _hooks, aims.of_hooks),
    "range": Arm("A second in the middle of an hour-long message", _range, aims.of_range),
}


def _stereo(given: Conditions) -> Plan:
    return Plan(given.calls * 3 // 5, 2, given.seconds)


def _rounds(
    given: Conditions, servers: Sequence[Contender], plan: Plan, rounds: int | None = None
) -> Steps:
    """Interleave the servers: one round runs each of them, then the next round begins."""
    return [
        Step(f"{server.name}, {plan.calls} calls", partial(_measured, given, server, plan))
        for _ in range(given.rounds if rounds is None else rounds)
        for server in servers
    ]


def _measured(given: Conditions, server: Contender, plan: Plan) -> Result | Unplaced:
    """Run once; again if the machine was too busy, and that is wanted."""
    needed = SPARE_FILES * plan.calls + OTHER_FILES
    if file_limit() < needed:
        return Unplaced(server.name, plan, f"{needed} open files are needed (ulimit -Hn)")
    for left in range(given.retries, -1, -1):
        result = _tried(server, plan, partial(run, server, given.load, plan))
        if not left or (isinstance(result, Result) and not too_busy([result])):
            break
    return result


def _ended(given: Conditions, live: Plan, ending: Plan) -> Ended | Unplaced:
    act = partial(end_at_once, VOICEMAIL, given.load, live, ending)
    return _tried(VOICEMAIL, ending, act)


def _tried(server: Contender, plan: Plan, act: Callable[[], _T]) -> _T | Unplaced:
    """Go on with the next run if a server fails in this one."""
    try:
        return act()
    except (BenchError, RuntimeError, TimeoutExpired) as error:
        *_, last = str(error).strip().splitlines() or [type(error).__name__]
        return Unplaced(server.name, plan, last)


def _transcribed(sink: str, plan: Plan) -> Transcribed | Unplaced:
    act = partial(transcribe, sink, plan.calls, plan.seconds)
    return _tried_plain(sink, plan.calls, act)


def _beside(engine: str, calls: int, seconds: int) -> Beside | Unplaced:
    return _tried_plain(engine, calls, partial(beside, engine, calls, seconds))


def _held(sockets: int) -> Held | Unplaced:
    return _tried_plain("application sockets", sockets, partial(hold_sockets, sockets))


def _asked(transport: str, seconds: int) -> Asked | Unplaced:
    act = partial(ask_hooks, transport, SET_UPS, seconds)
    return _tried_plain(transport, SET_UPS * seconds, act)


def _tried_plain(what: str, calls: int, act: Callable[[], _T]) -> _T | Unplaced:
    try:
        return act()
    except BenchError as error:
        return Unplaced(what, Plan(calls), str(error))
