"""jambonz's REST API, as far as live calls need it: `PUT /Accounts/{sid}/Calls/{sid}`.

Source: jambonz-api-server, lib/routes/api/accounts.js (`validateUpdateCall`, `updateCall`): one
change per request; 202, or 200 with what the other end said to a SIP request; 404 for a call that
is over. A list of verbs is not among the changes, only the address of a hook.
"""

import asyncio
from typing import Any, Final

from listen_server.errors import ListenServerError
from listen_server.jambonz.commands import Command
from listen_server.jambonz.verbs import encode
from listen_server.live.config import SID, JambonzAccount
from listen_server.live.seen import SeenCall

_OK: Final = frozenset({200, 202, 204})
_MINE: Final = frozenset({401, 403})
_GONE: Final = 404
_WHOLE: Final = frozenset({"record", "dub"})  # commands whose data is one property


class RestRefused(ListenServerError):  # noqa: N818 - the name says what happened
    """jambonz's REST API did not take a command. `status` is for whoever asked us."""

    def __init__(self, status: int, says: str) -> None:
        super().__init__(says)
        self.status = status


class RestApi:
    """The API of one account."""

    def __init__(self, account: JambonzAccount) -> None:
        self._account = account
        self._client: Any = None
        self._making = asyncio.Lock()

    @property
    def knows_account(self) -> bool:
        """Whether it can command calls of which nothing is known here but the callSid."""
        return self._account.account_sid is not None

    async def update_call(self, call: SeenCall, command: Command) -> None:
        """Have a call do something. Raises RestRefused, and Refused for what JSON does not have."""
        change = _change(command)
        account = self._account.account_sid or call.account_sid or ""
        leg = command.call_sid or call.call_sid
        if not SID.fullmatch(account) or not SID.fullmatch(leg):
            raise RestRefused(409, "the account or the call has no name that jambonz would give")
        path = f"{self._account.url}/Accounts/{account}/Calls/{leg}"
        status = await self._put(path, change)
        if status in _MINE:
            raise RestRefused(502, f"jambonz refuses the token of [jambonz.{call.tenant}]")
        if status == _GONE:
            raise RestRefused(404, "jambonz knows no such call: it is over")
        if status not in _OK:
            raise RestRefused(502, f"jambonz answered {status} to the command")

    async def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _put(self, url: str, change: dict[str, Any]) -> int:
        import httpx2  # noqa: PLC0415 - only who has an account waits for its import

        body = encode(change)
        async with self._making:
            self._client = self._client or await asyncio.to_thread(self._make)
        try:
            async with asyncio.timeout(self._account.timeout):
                status: int = (await self._client.put(url, content=body)).status_code
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
            raise RestRefused(504, "jambonz's REST API does not answer") from error
        return status

    def _make(self) -> Any:
        import httpx2  # noqa: PLC0415 - see above

        token = self._account.token.get_secret_value()
        return httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            timeout=None,
            trust_env=False,
        )


def _change(command: Command) -> dict[str, Any]:
    """Return the body of the request. Raises RestRefused for what the API does not have."""
    name, data = command.command, command.data
    if name == "record" and not _is_recordable(data):
        raise RestRefused(409, "over jambonz's REST API each record has siprecServerURL, or a type")
    if name in _WHOLE:
        return {name: data}
    if name in ("redirect", "config", "dial") or not isinstance(data, dict):
        raise RestRefused(
            409, f"jambonz takes {name} over the application's socket only, and there is none"
        )
    return dict(data)


def _is_recordable(data: Any) -> bool:
    """Tell whether the API takes a `record`: it wants the server with every action."""
    return isinstance(data, dict) and bool(data.get("siprecServerURL") or data.get("type"))
