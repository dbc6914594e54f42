"""The token that Google wants with every stream: found, renewed, and told apart when it fails.

gRPC can do this by itself, in threads of its own, but then a credential that was revoked and a
network that is away are the same UNAVAILABLE. https://google-auth.readthedocs.io
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import google.auth
import google.auth.exceptions
import google.auth.transport.requests
from google.oauth2 import service_account

from listen_sinks.api import SinkError
from listen_sinks.transcript.api import EngineRefused
from listen_sinks.transcript.google.faults import Fault

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_TIMEOUT: Final = 10.0  # seconds
_FIX: Final = (
    "make a key for a service account with the role Cloud Speech Client and set "
    "credentials_file, or run `gcloud auth application-default login`"
)

Headers = Sequence[tuple[str, str]]


class Credential:
    """Gives the headers that identify us; one for all streams."""

    def __init__(self, credentials: Any, project: str | None) -> None:
        self.project = project
        self._credentials = credentials
        self._turn = asyncio.Lock()

    async def headers(self) -> Headers:
        """Return headers with a token that is good. Raises Fault, EngineRefused."""
        if not self._credentials.valid:
            async with self._turn:
                if not self._credentials.valid:
                    await self._renew()
        headers: dict[str, str] = {}
        self._credentials.apply(headers)
        return [(name.lower(), value) for name, value in headers.items()]

    def doubt(self) -> None:
        """Take note that Google did not accept the token: the next headers have another."""
        self._credentials.token = None

    async def _renew(self) -> None:
        request = partial(google.auth.transport.requests.Request(), timeout=_TIMEOUT)
        try:
            await asyncio.to_thread(self._credentials.refresh, request)
        except google.auth.exceptions.GoogleAuthError as error:
            if isinstance(error, google.auth.exceptions.TransportError) or error.retryable:
                raise Fault("UNAVAILABLE", "no token could be had") from error
            raise EngineRefused(f"the credential for Google was not renewed: {_FIX}") from error


def load_credential(file: Path | None) -> Credential:
    """Read the credential: a file, or what the Google SDK finds. Raises SinkError with the fix.

    Reads files, and on Google's own machines asks their metadata service: not for an event loop.
    """
    try:
        if file is None:
            return Credential(*google.auth.default(scopes=[_SCOPE]))
        read: Any = service_account.Credentials.from_service_account_file  # untyped
        account = read(str(file), scopes=[_SCOPE])
        return Credential(account, account.project_id)
    except (google.auth.exceptions.GoogleAuthError, OSError, ValueError) as error:
        where = "no usual place of the Google SDK has a" if file is None else f"{file} has no"
        raise SinkError(f"{where} usable credential for Google: {_FIX}") from error
