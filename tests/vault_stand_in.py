"""A stand-in for HashiCorp Vault's Transit engine: it really encrypts, and fails as Vault does.

As in Vault, fields that it does not know are ignored, and `rewrap` knows no associated data.
https://developer.hashicorp.com/vault/api-docs/secret/transit
"""

import asyncio
import base64
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from key_contract import Service
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

KEY, TOKEN = "listen-server", "hvs.a-token-of-the-tests"


class RefusalError(Exception):
    """An answer with an error in it."""


class Vault(Service):
    """One Vault with one Transit key. Its state is changed by attribute."""

    def __init__(self, mount: str = "transit") -> None:
        super().__init__()
        self.mount = mount
        self.token = TOKEN
        self.sealed = False
        self.knows_associated_data = True
        self.answers: Any = None  # what it says to everything, if not what it should
        self.versions = [AESGCM.generate_key(256)]
        self.seen: list[Request] = []

    def values(self) -> dict[str, Any]:
        return {"address": f"http://127.0.0.1:{self.port}", "key": KEY, "token": TOKEN}

    def rotate(self) -> None:
        self.versions.append(AESGCM.generate_key(256))

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[None]:
        path = f"/v1/{self.mount}/{{verb}}/{{key}}"
        app = Starlette(routes=[Route(path, self.answer, methods=["POST"])])
        config = uvicorn.Config(
            app, port=self.port, lifespan="off", log_config=None, ws="none", **options
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        try:
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.005)
            yield
        finally:
            server.should_exit = True
            await serving

    async def answer(self, request: Request) -> JSONResponse:
        self.seen.append(request)
        if self.answers is not None:
            return JSONResponse(self.answers)
        if self.sealed:
            return JSONResponse({"errors": ["Vault is sealed"]}, 503)
        if request.headers.get("X-Vault-Token") != self.token:
            return JSONResponse({"errors": ["1 error occurred:\n\t* permission denied\n\n"]}, 403)
        if request.path_params["key"] != KEY:
            return JSONResponse({"errors": ["encryption key not found"]}, 400)
        body = await request.json()
        text = body.get("associated_data") if self.knows_associated_data else None
        try:
            data = self.act(request.path_params["verb"], body, base64.b64decode(text or ""))
        except RefusalError as error:
            return JSONResponse({"errors": [str(error)]}, 400)
        return JSONResponse({"data": data})

    def act(self, verb: str, body: dict[str, str], associated: bytes) -> dict[str, Any]:
        match verb:
            case "encrypt":
                plain = base64.b64decode(body["plaintext"])
                return {"ciphertext": self.encrypt(plain, associated)}
            case "decrypt":
                plain = self.decrypt(body["ciphertext"], associated)
                return {"plaintext": base64.b64encode(plain).decode()}
            case "rewrap":
                return {"ciphertext": self.encrypt(self.decrypt(body["ciphertext"], b""), b"")}
            case _:
                raise RefusalError("unsupported path")

    def encrypt(self, plain: bytes, associated: bytes) -> str:
        nonce, version = os.urandom(12), len(self.versions)
        sealed = nonce + AESGCM(self.versions[-1]).encrypt(nonce, plain, associated)
        return f"vault:v{version}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, ciphertext: str, associated: bytes) -> bytes:
        if not (found := re.fullmatch(r"vault:v(\d+):(.+)", ciphertext)):
            raise RefusalError("invalid ciphertext: no prefix")
        version = int(found[1])
        if not 1 <= version <= len(self.versions):
            raise RefusalError("invalid ciphertext: version is too new")
        try:
            sealed = base64.b64decode(found[2], validate=True)
            return AESGCM(self.versions[version - 1]).decrypt(sealed[:12], sealed[12:], associated)
        except (InvalidTag, ValueError):
            raise RefusalError("cipher: message authentication failed") from None
