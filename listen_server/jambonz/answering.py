"""Asks the methods of an application, in time, and stands in where one fails.

application.py is what an author writes; webhooks.py and sockets.py bring what jambonz asks.
"""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

import anyio.to_thread
import structlog
from pydantic import ValidationError

from listen_server.jambonz.application import CallApplication, HookMethod, Notice, Verbs
from listen_server.jambonz.call import Call
from listen_server.jambonz.errors import Refused
from listen_server.jambonz.hooks import CallHook, read_hook, read_hook_as
from listen_server.jambonz.verbs import Application, Place, Verb
from listen_server.logs import failure

log = structlog.get_logger(__name__)
Encode: TypeAlias = Callable[[Application], bytes]


class Late(Exception):  # noqa: N818 - the name is the fault
    """A method has taken longer than it may."""


class Answering:
    """The methods of one application, as questions that always have an answer."""

    def __init__(self, application: CallApplication) -> None:
        self.application: Final = application
        self.draining: Callable[[], bool] = lambda: False
        """Whether calls that are new here are another server's."""
        self._late: set[asyncio.Task[Any]] = set()

    def method(self, path: str) -> HookMethod | None:
        """Return the method of a hook."""
        return self.application.hooks.get(path)

    @property
    def no_such_hook(self) -> str:
        """What the log says where jambonz asks for a hook that there is not: which there are."""
        known = ", ".join(self.application.hooks) or "none"
        return f"{type(self.application).__name__} has no such hook; it has {known}"

    def read(self, method: HookMethod, given: Mapping[str, Any]) -> CallHook:
        """Read a hook as its method wants it. Raises Refused."""
        return read_hook_as(method.model, given) if method.model else read_hook(given)

    async def call(self, call: Call, encode: Encode) -> bytes:
        """Ask what a new call does first, and write it."""
        try:
            verbs = _application(await self._in_time(self.application.on_call, call), "call")
            if not len(verbs):
                raise Refused("a call without a verb is ended by jambonz")  # noqa: TRY301 - as any
            return encode(verbs)
        except Exception as error:  # noqa: BLE001 - an author's method may raise anything
            return encode(self.failed("on_call", "call", call, error))

    async def hook(self, call: Call, method: HookMethod, told: CallHook, encode: Encode) -> bytes:
        """Ask what comes of a hook, and write it; of a notice, nothing comes."""
        call.hear(told)
        bound = getattr(self.application, method.name)
        nothing = Application([], place=method.place)
        try:
            verbs = await self._in_time(bound, *((call, told) if method.takes_hook else (call,)))
            return encode(_application(verbs, method.place) if method.answers else nothing)
        except Exception as error:  # noqa: BLE001 - an author's method may raise anything
            stand_in = self.failed(method.name, method.place, call, error)
            return encode(stand_in if method.answers else nothing)

    async def notice(self, name: Notice, call: Call, *told: Any) -> None:
        """Tell the application something that wants no answer."""
        try:
            await self._in_time(getattr(self.application, name), call, *told)
        except Exception as error:  # noqa: BLE001 - an author's method may raise anything
            self.failed(name, "call", call, error)

    def failed(self, name: str, place: Place, call: Call, error: Exception) -> Application:
        """Log a failure, once, and return what the caller hears instead.

        Its type and lines are logged, not its words or a traceback: with logs that are not set up,
        one shows the values of all variables.
        """
        if isinstance(error, ValidationError):  # its words name pydantic's types, ours the place
            error = Refused.told(error, f"a {error.title} that it made", None)
        log.error(
            "a method of the call application was late"
            if isinstance(error, Late)
            else "a method of the call application failed",
            method=f"{type(self.application).__name__}.{name}",
            call=call.label,
            error=None if isinstance(error, Late) else failure(error),
        )
        return self.application.apology(place)

    async def _in_time(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Ask a method; one that is late is cancelled, and not waited for."""
        asking = asyncio.ensure_future(_ask(method, *arguments))
        try:
            done, _ = await asyncio.wait({asking}, timeout=self.application.deadline)
        except asyncio.CancelledError:
            asking.cancel()
            raise
        if not done:
            asking.cancel()
            self._late.add(asking)
            asking.add_done_callback(self._forget)
            raise Late
        return asking.result()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # taken note of: asyncio would log it a second time


async def _ask(method: Callable[..., Any], *arguments: Any) -> Any:
    if inspect.iscoroutinefunction(method):
        return await method(*arguments)
    answer = await anyio.to_thread.run_sync(partial(method, *arguments), abandon_on_cancel=True)
    return await answer if inspect.isawaitable(answer) else answer


def _application(verbs: Verbs, place: Place) -> Application:
    """Return an answer as an application. Raises Refused for one that jambonz would not take."""
    if verbs is None:
        return Application([], place=place)
    if isinstance(verbs, Application):
        return verbs if verbs.place == place else Application(verbs.verbs, place=place)
    return Application([verbs] if isinstance(verbs, Verb | Mapping) else verbs, place=place)
