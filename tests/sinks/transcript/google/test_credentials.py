import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from listen_sinks.api import SinkError
from listen_sinks.transcript.api import EngineRefused
from listen_sinks.transcript.google.credentials import Credential, load_credential
from listen_sinks.transcript.google.faults import Fault


class TokenServer(ThreadingHTTPServer):
    """What a service account asks for a token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = 0
        self.status = 200
        self.answer: dict[str, object] = {"token_type": "Bearer", "expires_in": 3600}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/token"


class Answer(BaseHTTPRequestHandler):
    server: TokenServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        body = json.dumps({"access_token": f"token-{self.server.asked}", **self.server.answer})
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    server = TokenServer()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def key_file(tmp_path: Path, tokens: TokenServer, private_key: str) -> Path:
    file = tmp_path / "key.json"
    account = {
        "type": "service_account",
        "project_id": "the-project",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": "listen@the-project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": tokens.url,
    }
    file.write_text(json.dumps(account))
    return file


@pytest.fixture
def credential(key_file: Path) -> Credential:
    return load_credential(key_file)


async def test_a_token_is_asked_for_once_and_serves_all_streams(
    credential: Credential, tokens: TokenServer
) -> None:
    headers = [await credential.headers() for _ in range(5)]

    assert headers == [[("authorization", "Bearer token-1")]] * 5
    assert credential.project == "the-project"
    assert tokens.asked == 1


async def test_a_token_that_google_withdrew_is_replaced(credential: Credential) -> None:
    await credential.headers()

    credential.doubt()

    assert await credential.headers() == [("authorization", "Bearer token-2")]


async def test_an_expired_credential_is_refused_with_what_to_do(
    credential: Credential, tokens: TokenServer
) -> None:
    tokens.status = 400
    tokens.answer = {"error": "invalid_grant", "error_description": "account disabled"}

    with pytest.raises(EngineRefused, match="make a key for a service account"):
        await credential.headers()


async def test_a_token_service_that_is_away_is_no_fault_of_the_credential(
    credential: Credential, tokens: TokenServer
) -> None:
    tokens.server_close()

    with pytest.raises(Fault, match="UNAVAILABLE"):
        await credential.headers()


@pytest.mark.parametrize("text", ["", "{}", '{"type": "service_account"}', "no json"])
def test_a_file_that_is_no_key_is_refused_with_what_to_do(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key.json"
    file.write_text(text)

    with pytest.raises(SinkError, match=r"has no usable credential.*set credentials_file"):
        load_credential(file)


def test_a_file_that_is_not_there_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"missing\.json"):
        load_credential(tmp_path / "missing.json")
