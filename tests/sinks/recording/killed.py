"""Recorders that are killed, for the tests beside it: a program, run in processes of its own.

    killed.py sweep DIRECTORY CONFIG FIRST     record, killed at the FIRST step, at the next, ...
    killed.py repair DIRECTORY CONFIG SOURCE   the same for a start that recovers a copy of SOURCE
    killed.py stream DIRECTORY                 record until somebody kills it, telling what is safe
    killed.py ship DIRECTORY CONFIG            record short calls for ever, telling which are over

A step is anything that changes a folder. Every process really dies, by SIGKILL, in front of it.
"""

import asyncio
import itertools
import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recordings import record, recorder

from listen_sinks.api import Gap
from listen_sinks.testing import make_call, make_outcome, packets, tone

STEPS = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate"}


def die_at_step(number: int, below: Path) -> None:
    """Kill this process before it changes a folder for the given time, counted from 1."""
    steps = itertools.count(1)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in STEPS and str(arguments[0]).startswith(str(below)) and next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


Work = Callable[[Path], object]


def sweep(directory: Path, act: Work, first: int = 1, prepare: Work | None = None) -> None:
    """Do the same in one process after another, each killed a step later, until one survives."""
    for number in itertools.count(first):
        data_dir = directory / str(number)
        child = os.fork()
        if not child:
            if prepare:
                prepare(data_dir)
            die_at_step(number, data_dir)
            act(data_dir)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != -signal.SIGKILL:
            sys.stdout.write(f"{number}\n")
            sys.exit(status)


def record_two(data_dir: Path, config: dict[str, Any]) -> None:
    """Record two streams at once and end them; they are the same in every process."""

    async def run() -> None:
        calls = [make_call(8000, "stereo", call_sid=name) for name in ("first", "second")]
        async with recorder(data_dir, **config) as plugin, asyncio.TaskGroup() as tasks:
            for call in calls:
                outcome = make_outcome(call, 8000, gaps=(Gap(0.5, 1.0, "not received"),))
                tasks.create_task(record(plugin, call, tone(call), outcome))

    asyncio.run(run())


def start(data_dir: Path, config: dict[str, Any]) -> None:
    """Start on what another process left behind, and end at once."""

    async def run() -> None:
        async with recorder(data_dir, **config):
            pass

    asyncio.run(run())


def stream(data_dir: Path) -> None:
    """Record one stream for ever; print how many frames nobody can lose any more."""

    async def run() -> None:
        call = make_call(16000, "stereo")
        audio = tone(call, 60.0)
        async with recorder(data_dir, write_interval=0.01) as plugin:
            sink = plugin.sink(call)
            await sink.start(call)
            sent = 0
            for block in itertools.chain.from_iterable(itertools.repeat(packets(audio, 320))):
                await sink.audio(block)
                sent += block.shape[1]
                await asyncio.sleep(0)
                if not sink._tape.pending:  # type: ignore[attr-defined]
                    sys.stdout.write(f"{sent}\n")
                    sys.stdout.flush()

    asyncio.run(run())


def ship(data_dir: Path, config: dict[str, Any]) -> None:
    """Record short calls for ever; print the id of each that is over, and its frames."""

    async def run() -> None:
        sys.stdout.write("opening\n")
        sys.stdout.flush()
        async with recorder(data_dir, **config) as plugin:
            while True:
                call = make_call()
                audio = tone(call, random.uniform(0.1, 3.0))  # noqa: S311 - any length will do
                await record(plugin, call, audio)
                sys.stdout.write(f"{call.stream_id} {audio.shape[1]}\n")
                sys.stdout.flush()
                await asyncio.sleep(0.1)

    asyncio.run(run())


if __name__ == "__main__":
    verb, directory = sys.argv[1], Path(sys.argv[2])
    if verb == "sweep":
        config, first = json.loads(sys.argv[3]), int(sys.argv[4])
        sweep(directory, lambda data_dir: record_two(data_dir, config), first)
    elif verb == "repair":
        config, source = json.loads(sys.argv[3]), Path(sys.argv[4])
        sweep(
            directory,
            lambda data_dir: start(data_dir, config),
            prepare=lambda data_dir: shutil.copytree(source, data_dir),
        )
    elif verb == "ship":
        ship(directory, json.loads(sys.argv[3]))
    else:
        stream(directory)
