import asyncio
import subprocess
import sys
from pathlib import Path

from google_calls import google, listening

from listen_codecs.files import read_audio
from listen_sinks.transcript.google.stand_in import spoken
from listen_sinks.transcript.google.stand_in.__main__ import main

STAND_IN = [sys.executable, "-m", "listen_sinks.transcript.google.stand_in"]


def test_tokens_are_written_as_a_wav_file(tmp_path: Path) -> None:
    file = tmp_path / "tokens.wav"

    assert main(["say", str(file), "--tokens", "12", "--rate", "16000"]) == 0
    audio, rate = read_audio(file)

    assert rate == 16000
    assert (audio == spoken(range(12), 16000)).all()


async def test_served_by_itself_it_prints_where_it_listens() -> None:
    process = await asyncio.create_subprocess_exec(
        *STAND_IN, "serve", "--port", "0", stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        address = (await process.stdout.readline()).decode().strip()
        async with google(address) as plugin, listening(plugin) as listener:
            await listener.engine.audio(spoken([4, 5, 6], 8000))
            await listener.hang_up()
    finally:
        process.terminate()
        await process.wait()

    assert listener.words() == [4, 5, 6]


def test_a_port_in_use_is_told() -> None:
    with subprocess.Popen([*STAND_IN, "serve", "--port", "0"], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        port = first.stdout.readline().decode().strip().rpartition(":")[2]
        second = subprocess.run(
            [*STAND_IN, "serve", "--port", port], capture_output=True, text=True, check=False
        )
        first.terminate()

    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in second.stderr
