"""What `/api/v1/calls` answers: who is in a call, and commands to it. parts.py has the routes.

Every command is written down before it is carried out; one that cannot be is not.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from listen_server import admission
from listen_server.errors import ListenServerError
from listen_server.jambonz.call import Unreachable
from listen_server.jambonz.commands import Command, read_command
from listen_server.jambonz.errors import Refused
from listen_server.jambonz.here import is_local
from listen_server.live.commander import Commander, NoWay
from listen_server.live.crew import Crew
from listen_server.live.rest import RestRefused
from listen_server.live.seen import SeenCall

log = structlog.get_logger(__name__)

MAX_BODY: Final = 64 * 1024  # bytes; a command has at most 24 KiB
Audit = Callable[[str, SeenCall], Awaitable[None]]
"""Write down who commands which call. Raises AuditAway."""
_NO_STORE: Final = {"cache-control": "no-store"}


class AuditAway(ListenServerError):  # noqa: N818 - a state of the world
    """What happens cannot be written down now."""


class CallsApi:
    """The routes, over the calls of all workers."""

    def __init__(
        self,
        crew: Crew,
        commander: Commander,
        admit: Callable[[admission.Request], admission.Admitted | admission.Refused],
        audit: Audit,
    ) -> None:
        self._crew = crew
        self._commander = commander
        self._admit = admit
        self._audit = audit

    async def list(self, request: Request) -> Response:
        """Answer with the calls of the credential's tenant."""
        who = self._who(request)
        if isinstance(who, Response):
            return who
        seen = await self._crew.look(who.tenant)
        answer = {
            "calls": [held.call.shown() for held in seen.calls.values()],
            "unanswered_workers": seen.unanswered,
        }
        return JSONResponse(answer, headers=_NO_STORE)

    async def command(self, request: Request) -> Response:
        """Command a call."""
        who = self._who(request)
        if isinstance(who, Response):
            return who
        sid = request.path_params["call_sid"]
        found, unanswered = await self._crew.find(who.tenant, sid)
        held = found or self._commander.elsewhere(who.tenant, sid)
        if held is None:
            return _not_found(unanswered, "such call")
        try:
            command = read_command(await _body(request))
            await self._audit(who.user or who.tenant, held.call)
            written = await self._commander.command(held, command)
        except ListenServerError as error:
            _note(who, held.call, type(error).__name__)
            if unanswered and isinstance(error, NoWay):
                return _not_found(unanswered, "way to the call")
            return _error(_status(error), str(error))
        except ClientDisconnect:
            return Response(status_code=400)
        _note(who, held.call, written.way, command)
        answer = {
            "status": "written",
            "way": written.way,
            "errors": list(written.errors),
            "not_checked": list(command.not_checked),
        }
        return JSONResponse(answer, 202, headers=_NO_STORE)

    def _who(self, request: Request) -> admission.Admitted | Response:
        address = request.client.host if request.client else ""
        headers = request.scope["headers"]
        who = self._admit(admission.Request("api", (), headers, address))
        if isinstance(who, admission.Admitted):
            if who.user is None and not is_local(request):  # open to programs here
                says = "open to programs on this machine, by its own name, without a proxy"
                return _error(403, f"{says}: use a credential with the scope api")
            return who
        answer = _error(who.status, who.sentence.strip())
        for name, value in who.headers:
            answer.headers[name.decode()] = value.decode()
        return answer


class _Unreadable(Refused):
    """A body that is no command."""


class _TooLarge(Refused):
    """A body that is larger than any command."""


async def _body(request: Request) -> Any:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise _TooLarge(f"a command has at most {MAX_BODY} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _Unreadable("the body is not JSON") from None


def _status(error: ListenServerError) -> int:
    match error:
        case _Unreadable():
            return 400
        case _TooLarge():
            return 413
        case Refused():
            return 422
        case RestRefused():
            return error.status
        case Unreachable() | NoWay():
            return 409
        case _:
            return 503


def _error(status: int, says: str) -> JSONResponse:
    return JSONResponse({"error": says}, status, headers=_NO_STORE)


def _not_found(unanswered: int, what: str) -> JSONResponse:
    if not unanswered:
        return _error(404, f"no {what} is on here")
    return _error(503, f"no {what} was found, but {unanswered} worker(s) did not answer")


def _note(
    who: admission.Admitted, call: SeenCall, way: str, command: Command | None = None
) -> None:
    streams = [one.stream_id for one in call.streams]
    name = command.command if command else None
    log.info("call commanded", credential=who.user, streams=streams, command=name, way=way)
