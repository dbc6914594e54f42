"""An application, written once: what happens with a call, and a method for each hook.

webhooks.py and sockets.py serve it; answering.py asks its methods and stands in where one fails.
"""

import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, TypeAlias, TypeVar, get_args, get_type_hints

from listen_server.jambonz.call import Call
from listen_server.jambonz.hooks import CallHook, CallStatusChanged
from listen_server.jambonz.verbs import Application, Hangup, Pause, Place, Say, Verb

Verbs: TypeAlias = (
    Application | Verb | Mapping[str, Any] | Iterable[Verb | Mapping[str, Any]] | None
)
"""What a method may answer with; nothing at all lets the call go on with its next verb."""
Method = TypeVar("Method", bound=Callable[..., Any])
STATUS_PATH: Final = "/call-status"
ADULTING_PATH: Final = "/adulting"
"""Where jambonz posts it (jambonz-feature-server 0.9.8, lib/utils/place-outdial.js)."""
_MARK: Final = "_jambonz_hook"


@dataclass(frozen=True, slots=True)
class HookMethod:
    """A method that answers a hook."""

    path: str
    name: str
    """Of the method."""
    place: Place
    """Where its verbs are executed."""
    answers: bool
    """Whether jambonz wants verbs; a notice has nothing to say when it fails."""
    model: type[CallHook] | None
    """How its hook is read, by its annotation; by the hook's own fields without one."""
    takes_hook: bool


def hook(path: str, *, place: Place = "call") -> Callable[[Method], Method]:
    """Let a method answer the hook of a path: `method(self, call, hook) -> verbs`.

    `place` says who is answered where jambonz takes some verbs only, such as "enqueue wait".
    """
    return _marking(path, place, answers=True)


def notice(path: str) -> Callable[[Method], Method]:
    """Let a method take what the hook of a path tells, where jambonz wants no verbs."""
    return _marking(path, "call", answers=False)


def _marking(path: str, place: Place, *, answers: bool) -> Callable[[Method], Method]:
    if not isinstance(path, str):
        raise TypeError('the path of the hook is missing: @hook("/chosen")')
    if place not in get_args(Place):
        raise ValueError(f"the place of a hook is one of {', '.join(get_args(Place))}")
    if not path.startswith("/") or path in {"/", STATUS_PATH}:
        raise ValueError(f"the path of a hook begins with /, and is not / or {STATUS_PATH}")

    def mark(method: Method) -> Method:
        setattr(method, _MARK, (path, place, answers))
        return method

    return mark


class CallApplication:
    """Subclass it: `on_call` says what a call does first, marked methods answer its hooks.

    Methods may be `async def` or plain ones; those run in a thread, so they may block. One that
    takes longer than `deadline`, or raises, is logged once, and the caller hears `sorry`.
    """

    sorry: ClassVar[str] = "Sorry, something has gone wrong. Please call again later."
    """What the caller hears when a method fails."""
    deadline: ClassVar[float] = 4.0
    """Seconds that a method may take; jambonz waits 5 over the websocket."""
    hooks: ClassVar[Mapping[str, HookMethod]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        found: dict[str, HookMethod] = {}
        for name, method in inspect.getmembers(cls, callable):
            if (marked := _mark_of(cls, name)) is None:
                continue
            path, place, answers = marked
            if path in found:
                raise TypeError(f"{cls.__name__} has two methods for the hook {path}")
            takes_hook = _takes_hook(f"{cls.__name__}.{name}", method)
            model = _model(method) if takes_hook else None
            found[path] = HookMethod(path, name, place, answers, model, takes_hook)
        cls.hooks = found

    async def on_call(self, call: Call) -> Verbs:
        """Answer a new call with its first verbs; there must be one at least."""
        raise NotImplementedError

    async def on_status(self, call: Call, status: CallStatusChanged) -> None:
        """Take note of how far a call is."""

    async def on_adulting(self, call: Call) -> None:
        """Take note of a leg that has become a call of its own."""

    async def on_queue(self, call: Call, event: Mapping[str, Any]) -> None:
        """Take note of what happens in a queue; websocket only."""

    async def on_verb(self, call: Call, event: Mapping[str, Any]) -> None:
        """Take note of a verb with an `id` that begins or ends; websocket only."""

    async def on_error(self, call: Call, error: Mapping[str, Any]) -> None:
        """Take note of what jambonz could not do; websocket only."""

    def apology(self, place: Place) -> Application:
        """Return what the caller hears instead of what a method failed to answer."""
        says = Say(text=self.sorry)
        match place:
            case "call" | "confirm":
                return Application([says, Hangup()])
            case _:
                return Application([says, Pause(length=10)], place=place)


Notice: TypeAlias = Literal["on_status", "on_adulting", "on_queue", "on_verb", "on_error"]


def _mark_of(cls: type, name: str) -> tuple[str, Place, bool] | None:
    """Return what a method was marked with, there or in the class whose method it replaces."""
    for one in cls.__mro__:
        if (mark := getattr(vars(one).get(name), _MARK, None)) is not None:
            return mark  # type: ignore[no-any-return]  # set by _marking alone
    return None


def _takes_hook(name: str, method: Callable[..., Any]) -> bool:
    """Tell whether a method wants the hook beside the call."""
    signature = inspect.signature(method)
    for takes_hook in (True, False):
        try:
            signature.bind(*["self", "call", "hook"][: 3 if takes_hook else 2])
        except TypeError:
            continue
        return takes_hook
    raise TypeError(f"{name} is a hook's method: it takes the call, and the hook if it wants it")


def _model(method: Callable[..., Any]) -> type[CallHook] | None:
    """Return how a method wants its hook read: the annotation of its second parameter."""
    try:
        hints = get_type_hints(method)
    except NameError:  # a name that is there for a type checker only
        return None
    name = next(itertools.islice(inspect.signature(method).parameters, 2, None), "")
    wanted = hints.get(name)
    return wanted if isinstance(wanted, type) and issubclass(wanted, CallHook) else None
