"""A stand-in for Google Cloud KMS: gRPC with the library's own messages; it really encrypts."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.cloud.kms_v1 import (
    DecryptRequest,
    DecryptResponse,
    EncryptRequest,
    EncryptResponse,
)
from key_contract import Service

KEY = "projects/p/locations/europe-west3/keyRings/r/cryptoKeys/listen-server"


class GcpKms(Service):
    """One Cloud KMS with one key, of several versions."""

    def __init__(self) -> None:
        super().__init__()
        self.versions = [AESGCM.generate_key(256)]
        self.refuses: grpc.StatusCode | None = None
        self.tls: grpc.ServerCredentials | None = None
        self.metadata: list[dict[str, str]] = []

    def values(self) -> dict[str, Any]:
        return {"key": KEY, "endpoint": f"127.0.0.1:{self.port}", "insecure": True}

    def rotate(self) -> None:
        self.versions.append(AESGCM.generate_key(256))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        methods = {"Encrypt": self.encrypt, "Decrypt": self.decrypt}
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    "google.cloud.kms.v1.KeyManagementService",
                    {name: grpc.unary_unary_rpc_method_handler(f) for name, f in methods.items()},
                )
            ]
        )
        address = f"127.0.0.1:{self.port}"
        if self.tls is None:
            server.add_insecure_port(address)
        else:
            server.add_secure_port(address, self.tls)
        await server.start()
        try:
            yield
        finally:
            await server.stop(None)

    async def encrypt(self, raw: bytes, context: Any) -> bytes:
        request = EncryptRequest.deserialize(raw)
        await self.judge(request.name, context)
        nonce, version = os.urandom(12), len(self.versions)
        sealed = AESGCM(self.versions[-1]).encrypt(
            nonce, request.plaintext, request.additional_authenticated_data
        )
        answer = EncryptResponse(name=request.name, ciphertext=bytes([version]) + nonce + sealed)
        return bytes(EncryptResponse.serialize(answer))

    async def decrypt(self, raw: bytes, context: Any) -> bytes:
        request = DecryptRequest.deserialize(raw)
        await self.judge(request.name, context)
        version, nonce, sealed = (
            request.ciphertext[0],
            request.ciphertext[1:13],
            request.ciphertext[13:],
        )
        try:
            key = AESGCM(self.versions[version - 1])
            plain = key.decrypt(nonce, sealed, request.additional_authenticated_data)
        except (InvalidTag, IndexError, ValueError):
            words = "Decryption failed: the ciphertext is invalid."
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, words)
        return bytes(DecryptResponse.serialize(DecryptResponse(plaintext=plain)))

    async def judge(self, name: str, context: Any) -> None:
        self.metadata.append(dict(context.invocation_metadata()))
        if self.refuses is not None:
            await context.abort(self.refuses, "refused by the test")
        if name != KEY:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such key")
