"""A whole command line as calls that can be placed. cli.py fills it in, runner.py places them."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from listen_codecs.formats import AudioFormat, Mix
from listen_server.simulator.address import Address, misreading, parse_address
from listen_server.simulator.attributes import Kind
from listen_server.simulator.audio import call_pcm
from listen_server.simulator.clip import CLIP
from listen_server.simulator.errors import CallError
from listen_server.simulator.handshake import MAX_CREDENTIAL, Credential
from listen_server.simulator.live import SimulatedCall
from listen_server.simulator.options import (
    Faults,
    parse_key,
    parse_metadata,
    parse_pause,
    parse_rate,
    parse_seconds,
)
from listen_server.simulator.script import CallScript, opening_for
from listen_server.simulator.target import DEFAULT_SUBPROTOCOL, Target, tls_context


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The words of one command line, unread. The help texts of cli.py say what each means."""

    url: str
    file: Path | None = None
    rate: int = 8000  # Hz
    mix: Mix = "mono"
    other: Path | None = None
    metadata: tuple[str, ...] = ()
    kind: Kind = "listen"
    dtmf: tuple[str, ...] = ()
    pause: tuple[str, ...] = ()
    abort_at: float | None = None
    abort_by: Literal["fin", "reset"] = "fin"
    speed: float = 1.0
    seconds: float | None = None
    calls: int = 1
    user: str = ""
    password: str = field(default="", repr=False)
    subprotocol: str = DEFAULT_SUBPROTOCOL
    ca_file: Path | None = None
    insecure: bool = False

    def place(self) -> list[SimulatedCall]:
        """Return the calls, ready to run, each with ids of its own.

        Reads files. Raises CallError with everything that is wrong, each with its fix.
        """
        faults = Faults()
        addresses = faults.read(parse_address, self.url)
        faults.read(parse_rate, self.rate)
        keys = faults.read(parse_key, *self.dtmf)
        pauses = faults.read(parse_pause, *self.pause)
        pairs = faults.read(parse_metadata, *self.metadata)
        if self.seconds is not None:
            faults.read(parse_seconds, self.seconds)
        faults.check()
        audio_format = AudioFormat(self.rate, self.mix)
        file = self.file or CLIP
        try:
            script = CallScript(
                format=audio_format,
                pcm=call_pcm(file, audio_format, other=self.other, seconds=self.seconds),
                keys=tuple(keys),
                pauses=tuple(pauses),
                abort_at=self.abort_at,
                abort_by=self.abort_by,
                speed=self.speed,
            )
        except ValueError as error:  # all that is left are times outside the audio
            raise CallError(str(error), "--seconds makes the call longer") from None
        target = self._target(addresses[0])
        openings = (opening_for(audio_format, dict(pairs), self.kind) for _ in range(self.calls))
        return [SimulatedCall(target, replace(script, opening=opening)) for opening in openings]

    def notes(self) -> list[str]:
        """Return what may surprise about jambonz here, though nothing is wrong."""
        found = [misreading(self.url, parse_address(self.url))]
        if bool(self.user) != bool(self.password):
            found.append(
                "a credential is --user and --password: with one of them alone jambonz sends none, "
                "and so does this call"
            )
        size = self._credential.size if self._credential else 0
        if size > MAX_CREDENTIAL:
            sent = "a broken" if size == MAX_CREDENTIAL + 1 else "no"
            found.append(
                f"user and password have {size} bytes with the colon: "
                f"over {MAX_CREDENTIAL}, jambonz sends {sent} credential, and so does this call"
            )
        return [note for note in found if note is not None]

    @property
    def _credential(self) -> Credential | None:
        given = self.user or self.password
        return Credential(self.user, self.password) if given else None

    def _target(self, address: Address) -> Target:
        return Target(
            address=address,
            subprotocol=self.subprotocol,
            credential=self._credential,
            tls=tls_context(ca_file=self.ca_file, insecure=self.insecure)
            if address.secure
            else None,
        )
