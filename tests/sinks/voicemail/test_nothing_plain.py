"""Nothing of a call is in any file, in any spelling, while it is on and after."""

import asyncio
import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from canaries import FIELDS, canary, found_below, needles, singing
from mailbox_contents import contents, make_voicemail, shipped

from listen_codecs.formats import AudioBlock
from listen_codecs.pcm import interleave
from listen_sinks.api import (
    Call,
    DtmfPressed,
    MarkReached,
    MetadataArrived,
    PlaybackDone,
    SummaryReceived,
)
from listen_sinks.testing import make_call, make_outcome, packets
from listen_sinks.voicemail import Voicemail
from listen_sinks.voicemail.sink import VoicemailSink

TESTS = Path(__file__).parents[2]
CHANNELS = {"mono": 1, "stereo": 2}
Leak = Callable[[bytes], bytes]


class LeakySink(VoicemailSink):
    """Writes what it gets to a file, in some spelling."""

    leak: Leak
    what: str
    path: Path

    async def start(self, call: Call) -> None:
        await super().start(call)
        if self.what == "words":
            data = repr(call.attributes).encode() + str(call.from_number).encode()
            await asyncio.to_thread(self.path.write_bytes, self.leak(data))

    async def audio(self, block: AudioBlock) -> None:
        await super().audio(block)
        if self.what == "samples":
            await asyncio.to_thread(self.path.write_bytes, self.leak(interleave(block)))


def call_of_canaries(mix: Any = "mono") -> Call:
    """Make a call that says a canary wherever jambonz, or who has set it up, can say something."""
    attributes: dict[str, Any] = {field: canary(field) for field in FIELDS}
    attributes |= {"customerData": {"nested": [canary("nested")]}, canary("key"): 1}
    return make_call(
        8000,
        mix,
        call_sid=canary("callSid"),
        parent_call_sid=canary("parentCallSid"),
        account_sid=canary("accountSid"),
        application_sid=canary("applicationSid"),
        direction=canary("direction"),
        from_number=canary("from"),
        to_number=canary("to"),
        path_params={"mailbox": canary("path")},
        attributes=attributes,
    )


async def take_call(plugin: Voicemail, sink: VoicemailSink, call: Call, look: Any) -> None:
    """Take a call with everything in it, and look around again and again."""
    audio = singing(4.0, call.format.channels)
    await sink.start(call)
    for number, block in enumerate(packets(audio, 1600)):
        await sink.audio(block)
        if number % 5 == 0:
            await plugin.spool.writer.drain(sink._stream._tape)
            await plugin.spool.commits.commit()
            await look()
    await sink.event(DtmfPressed("7", 0.2), 1.0)
    await sink.event(MarkReached(canary("mark"), cleared=False), 1.0)
    await sink.event(PlaybackDone(canary("playback"), 1.0), 1.0)
    await sink.event(SummaryReceived({"reason": canary("summary")}), 2.0)
    await sink.event(MetadataArrived(call.attributes, "exact"), 2.0)
    await look()
    await sink.finish(make_outcome(call, audio.shape[1]))
    await look()
    await shipped(plugin)
    await look()


@pytest.mark.parametrize("mix", ["mono", "stereo"])
async def test_nothing_of_a_call_is_in_any_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], mix: str
) -> None:
    wanted = needles(CHANNELS[mix])
    found: set[str] = set()

    async def look() -> None:
        found.update(await asyncio.to_thread(found_below, tmp_path, wanted))

    plugin = await asyncio.to_thread(make_voicemail, tmp_path, dtmf=True)
    await plugin.open()
    call = call_of_canaries(mix)
    await take_call(plugin, VoicemailSink(plugin), call, look)
    await plugin.close()
    await look()

    assert found == set()
    said = capfd.readouterr().out.encode()
    assert {what for what, data in wanted.items() if data in said} == set()
    kept = (await contents(tmp_path))[call.stream_id]
    assert kept.audio is not None
    assert (kept.audio == singing(4.0, CHANNELS[mix])).all()
    assert canary("nested") in str(kept.meta), "the search would find what is there"
    assert canary("summary") in str(kept.meta)


SPELLINGS: dict[str, Leak] = {
    "as it is": lambda data: data,
    "base64": base64.b64encode,
    "hex": lambda data: data.hex().encode(),
    "UTF-16": lambda data: data.decode("latin-1").encode("utf-16-le"),
    "backwards": lambda data: data[::-1],
}


@pytest.mark.parametrize("what", ["words", "samples"])
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_sink_that_leaks_is_found_out(tmp_path: Path, what: str, spelling: str) -> None:
    if (what, spelling) == ("samples", "UTF-16"):
        pytest.skip("samples are no text")
    found: set[str] = set()

    async def look() -> None:
        found.update(await asyncio.to_thread(found_below, tmp_path, needles()))

    plugin = await asyncio.to_thread(make_voicemail, tmp_path)
    await plugin.open()
    sink = LeakySink(plugin)
    sink.leak, sink.what, sink.path = SPELLINGS[spelling], what, tmp_path / "debug"
    await take_call(plugin, sink, call_of_canaries(), look)
    await plugin.close()

    assert found


PROGRAM = """
import asyncio, sys
from pathlib import Path
from listen_sinks.testing import make_call, tone
from mailbox_contents import shipped, take, voicemail

async def main(folder):
    call = make_call(8000, "stereo")
    async with voicemail(folder) as plugin:
        await take(plugin, call, tone(call, 3.0))
        await shipped(plugin)

asyncio.run(main(Path(sys.argv[1])))
"""
_WRITES = re.compile(r'(?:openat|open|creat)\((?:AT_FDCWD, )?"([^"]*)", [^)]*(?:WRONLY|RDWR|CREAT)')


@pytest.mark.skipif(not shutil.which("strace"), reason="there is no strace")
def test_every_file_that_is_written_lies_in_the_data_directory(tmp_path: Path) -> None:
    data, trace = tmp_path / "data", tmp_path / "trace"
    follow = ["strace", "-f", "-qq", "-e", "trace=open,openat,creat", "-o", str(trace)]
    environment = os.environ | {"PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [*follow, sys.executable, "-c", PROGRAM, str(data)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in ran.stderr.lower():
        pytest.skip("strace may not trace here")

    assert ran.returncode == 0, ran.stderr
    written = {match[1] for match in map(_WRITES.search, trace.read_text().splitlines()) if match}
    outside = {path for path in written if not path.startswith((str(data), "/dev/", "/proc/"))}
    assert outside == set()
    names = {Path(path).name for path in written}
    assert {"index.db", "index.db-wal"} <= names
    assert any(name.endswith(".audio") for name in names)
    assert any(".lsv1" in name for name in names)
