import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import grpc
import pytest
import trustme
from google_calls import google, listening, standing_in

from listen_sinks.api import SinkContext, SinkError
from listen_sinks.transcript.api import EngineAway, EngineRefused
from listen_sinks.transcript.google import Google, GoogleConfig
from listen_sinks.transcript.google.credentials import Credential
from listen_sinks.transcript.google.service import STREAMS_PER_CONNECTION, Service
from listen_sinks.transcript.google.stand_in import spoken

TOKEN = "a token"  # noqa: S105 - opens nothing
CONTEXT = SinkContext("transcript", Path("unused"))


class Account:
    """What google-auth would have loaded: its token can be renewed, and can be of no use."""

    def __init__(self, *tokens: str) -> None:
        self.left = list(tokens)
        self.token: str | None = None

    @property
    def valid(self) -> bool:
        return self.token is not None

    def refresh(self, _: object) -> None:
        self.token = self.left.pop(0) if self.left else "none"

    def apply(self, headers: dict[str, str]) -> None:
        headers["authorization"] = f"Bearer {self.token}"


def test_it_is_found_by_its_name_without_importing_what_takes_time() -> None:
    (entry,) = entry_points(group="listen_server.transcribers", name="google")
    loads = f"import sys; import {entry.module}; print('grpc' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)

    assert entry.load() is Google
    assert done.stdout.strip() == "False"


async def test_a_credential_that_is_no_use_is_told_at_the_start(tmp_path: Path) -> None:
    plugin = Google(GoogleConfig(credentials_file=tmp_path / "missing.json"), CONTEXT)

    with pytest.raises(SinkError, match="credential"):
        await plugin.open()
    await plugin.close()


async def test_an_engine_of_a_plugin_that_is_not_open_is_refused() -> None:
    with pytest.raises(SinkError, match="not open"):
        Google(GoogleConfig(), CONTEXT).engine()


async def test_over_tls_streams_identify_themselves_and_renew_a_withdrawn_token() -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    tls = grpc.ssl_server_credentials(
        [(certificate.private_key_pem.bytes(), certificate.cert_chain_pems[0].bytes())]
    )
    async with standing_in(tls=tls, token=TOKEN) as (_, address):
        port = address.rpartition(":")[2]
        config = GoogleConfig(endpoint=f"localhost:{port}")
        plugin = Google(config, CONTEXT)
        for tokens, heard in ((("old", TOKEN), [1, 2]), (("old", "older"), EngineRefused)):
            credential = Credential(Account(*tokens), "p")
            service = Service(config, credential, authority.cert_pem.bytes())
            plugin._service = service
            async with listening(plugin) as listener:
                await listener.engine.audio(spoken([1, 2], 8000))
                if isinstance(heard, list):
                    await listener.hang_up()
                    assert listener.words() == heard
                else:
                    with pytest.raises(heard, match="make a new key"):
                        await listener.engine.drain()
            await service.close()


async def test_a_host_that_nobody_vouches_for_gets_no_audio() -> None:
    async with standing_in() as (stand_in, address):
        config = GoogleConfig(endpoint=address, patience=0.1)
        service = Service(config, Credential(Account("a"), "p"), trustme.CA().cert_pem.bytes())
        plugin = Google(config, CONTEXT)
        plugin._service = service
        async with listening(plugin) as listener:
            await listener.engine.audio(spoken([1, 2], 8000))
            with pytest.raises(EngineAway):
                await listener.engine.drain()
        await service.close()

    assert stand_in.streams == 0


async def test_no_connection_has_more_streams_than_googles_servers_take() -> None:
    wanted = 2 * STREAMS_PER_CONNECTION + 1
    async with standing_in() as (_, address), google(address) as plugin:
        service = plugin._service
        assert service is not None
        streams = [await service.open() for _ in range(wanted)]

        assert len(service._connections) == 3
        for stream in streams:
            stream.abandon()
        again = await service.open()
        assert len(service._connections) == 3
        again.abandon()
