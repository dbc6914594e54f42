"""`python -m listen_sinks.transcript.google.stand_in`: serve, or say tokens into a WAV file."""

import argparse
import asyncio
import sys
from pathlib import Path

from listen_codecs.files import write_audio
from listen_codecs.formats import SAMPLE_RATES
from listen_sinks.transcript.google.clock import Clock
from listen_sinks.transcript.google.stand_in.faults import Faults
from listen_sinks.transcript.google.stand_in.server import StandIn
from listen_sinks.transcript.google.stand_in.tokens import NUMBERS, spoken


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit status."""
    asked = _parser().parse_args(arguments)
    if asked.command == "say":
        return _say(asked)
    try:
        asyncio.run(_serve(asked))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m listen_sinks.transcript.google.stand_in",
        description="A stand-in for Google's streaming recognition. It recognises no speech: it "
        "hears numbered tokens, and of any other sound that there was one.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="listen on loopback, in plain text")
    serve.add_argument("--port", type=int, default=8765, help="0 is any; printed when ready")
    serve.add_argument("--speed", type=float, default=1.0, help="how fast its clock runs")
    serve.add_argument("--unavailable", type=float, default=0.0, help="chance, with each request")
    serve.add_argument("--late", type=float, default=0.0, help="seconds, of last results")
    say = commands.add_parser("say", help="write tokens into a WAV file, for `listen-server call`")
    say.add_argument("file", type=Path)
    say.add_argument("--tokens", type=int, default=40, choices=range(1, NUMBERS + 1), metavar="N")
    say.add_argument("--rate", type=int, default=8000, choices=SAMPLE_RATES)
    return parser


async def _serve(asked: argparse.Namespace) -> None:
    stand_in = StandIn(
        faults=Faults(unavailable=asked.unavailable, late=asked.late), clock=Clock(asked.speed)
    )
    address = await stand_in.start(f"127.0.0.1:{asked.port}")
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    try:
        await stand_in.wait()
    finally:
        await stand_in.stop()


def _say(asked: argparse.Namespace) -> int:
    audio = spoken(range(asked.tokens), asked.rate)
    write_audio(asked.file, [audio], asked.rate, 1, "wav")
    return 0


if __name__ == "__main__":
    sys.exit(main())
