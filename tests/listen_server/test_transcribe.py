"""`transcribe` prints what an engine understands and how well; `messages transcribe` keeps it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from terminal import run
from transcript_script import Script, install, spoken
from voicemail_terminal import Terminal

from listen_codecs.formats import AudioFormat
from listen_sinks.transcript import reading
from listen_sinks.transcript.api import EngineAway, EngineRefused
from listen_sinks.transcript.session import Patience

NUMBERS = "one two three"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    script = Script()
    install(monkeypatch, script)
    return script


def write(
    path: Path, first: int = 0, count: int = 7, *, rate: int = 8000, channels: int = 1
) -> str:
    audio = spoken(AudioFormat(8000, "mono"), first, count)
    soundfile.write(path, np.repeat(audio, channels, axis=0).T, rate, subtype="PCM_16")
    return str(path)


def test_words_and_their_error_rate_are_printed(tmp_path: Path, script: Script) -> None:
    file = write(tmp_path / "call.wav")
    ended = run("transcribe", file, "--engine", "scripted", "--reference", "0 1 2 3 four 5 6 7")

    assert (ended.status, ended.stdout.decode().split()) == (0, list("0123456"))
    assert "word error rate 0.25: 8 words said, 1 wrong, 1 missing, 0 added" in ended.stderr
    assert script.made[0].language == "en-US"


def test_several_files_have_a_rate_each_and_one_of_all(tmp_path: Path, script: Script) -> None:
    files = [write(tmp_path / f"{n}.wav", 10 * n, 3) for n in (1, 2)]
    lines = tmp_path / "words.txt"
    lines.write_text("10 11 12\n\n20 21\n")
    ended = run("transcribe", *files, "--engine", "scripted", "--reference", f"@{lines}")

    assert ended.status == 0, ended.told
    assert "word error rate 0.00" in ended.stderr
    assert "word error rate 0.50" in ended.stderr
    assert "all 2 files: word error rate 0.20" in ended.stderr
    assert all(engine.closed for engine in script.made)


@pytest.mark.usefixtures("script")
def test_both_channels_are_told_apart_and_other_rates_are_taken(tmp_path: Path) -> None:
    stereo = write(tmp_path / "stereo.wav", channels=2)
    ended = run("transcribe", stereo, "--engine", "scripted")
    assert ended.stdout.decode().splitlines() == [
        "1: 0 1 2 3 4",
        "2: 0 1 2 3 4",
        "1: 5 6",
        "2: 5 6",
    ]
    odd = write(tmp_path / "odd.wav", rate=11025)
    assert run("transcribe", odd, "--engine", "scripted").status == 0


@pytest.mark.usefixtures("script")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.wav", "--engine", "scripted"], "cannot read nowhere.wav"),
        (["{call}"], "choose an engine with --engine: there are"),
        (["{call}", "--engine", "null"], "choose an engine with --engine"),
        (["{call}", "--engine", "scriptet"], "did you mean 'scripted'"),
        (["{call}", "--engine", "scripted", "--reference", "@nowhere"], "cannot read nowhere"),
        (["{call}", "{call}", "--engine", "scripted", "--reference", "one"], "each needs one"),
        (["{three}", "--engine", "scripted"], "a call has one or two"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, arguments: list[str], says: str) -> None:
    names = {
        "call": write(tmp_path / "call.wav"),
        "three": write(tmp_path / "three.wav", channels=3),
    }
    ended = run("transcribe", *(one.format(**names) for one in arguments))
    assert ended.status == 2
    assert says in ended.stderr
    assert ended.stdout == b""


@pytest.mark.parametrize("error", [EngineAway, EngineRefused])
def test_an_engine_that_does_not_do_its_work_is_told(
    tmp_path: Path, script: Script, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PATIENT", Patience(away=0.0))
    script.steps += ["after 0.1"] * 10
    script.error = lambda: error("renew the credential")
    ended = run("transcribe", write(tmp_path / "call.wav"), "--engine", "scripted")
    assert ended.status == 2
    assert "renew the credential" in ended.stderr


def test_the_settings_say_which_engine_there_is(tmp_path: Path, script: Script) -> None:
    config = tmp_path / "server.toml"
    config.write_text(
        '[sinks.text]\nkind = "transcript"\nengine = "scripted"\nlanguage = "de-DE"\n'
    )
    ended = run("transcribe", write(tmp_path / "call.wav"), "--config", str(config))
    assert ended.status == 0, ended.told
    assert script.made[0].language == "de-DE"


@pytest.mark.usefixtures("script")
def test_stored_messages_are_understood_and_shown(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    messages = terminal.leave(2)
    before = terminal.run("messages", "show", messages[0])
    done = terminal.run("messages", "transcribe", messages[0], "--engine", "scripted")
    rest = terminal.run("messages", "transcribe", "--missing", "--engine", "scripted")
    none = terminal.run("messages", "transcribe", "--missing", "--engine", "scripted")
    after = terminal.run("messages", "show", messages[0])
    verified = terminal.run("messages", "verify", "--all")

    assert "understood" not in before
    assert [one.split()[0] for one in (done, rest, none)] == ["1", "1", "0"]
    assert "understood by scripted (en-US):" in after
    assert "2 part(s) are as they were shipped, and open" in verified


@pytest.mark.usefixtures("script")
def test_messages_that_cannot_be_transcribed_are_named(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    good, broken = terminal.leave(2)
    terminal.objects()[broken].unlink()
    told = terminal.run("messages", "transcribe", "--missing", "--engine", "scripted", status=1)
    assert broken in told
    assert good not in told
    assert "1 part(s) transcribed by scripted" in told


def test_the_command_asks_which_messages(tmp_path: Path) -> None:
    assert "--missing" in Terminal(tmp_path).run("messages", "transcribe", status=2)
