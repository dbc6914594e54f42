"""Who may stream, decided before a connection is accepted. endpoint.py asks; nothing here waits.

Refusing after accept would be worse than an error: jambonz would take the verb for connected.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from listen_server.credentials import Credential, CredentialStore, Scope, basic_credentials
from listen_server.passes import Pass, looks_like_pass
from listen_server.settings import Settings
from listen_server.throttle import FailureThrottle

OPEN_TENANT = "local"
_PASSES = "~"  # all passes fail as one user: each has another name
_FORWARDED = frozenset(  # what proxies add; jambonz sends none of them
    b"forwarded via x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip".split()
)
_OUR_REASONS = frozenset({"draining", "starting", "disk nearly full", "full", "tenant full"})


@dataclass(frozen=True, slots=True)
class Request:
    """What a websocket upgrade says of itself."""

    scope: Scope  # of the route: what a credential must allow
    subprotocols: Sequence[str]
    headers: Sequence[tuple[bytes, bytes]] = field(repr=False)  # names in lower case
    address: str
    passes: Callable[[str, str], Pass | None] | None = None
    """Tells what a pass for this route says; None where it takes none."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The upgrade is accepted for a tenant."""

    tenant: str
    subprotocol: str | None  # to echo
    account_sid: str | None = None
    user: str | None = None  # of the credential
    granted: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What a pass says that it came with."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The upgrade is answered with an HTTP status and a sentence."""

    status: int
    reason: str  # for the metric
    sentence: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    offered: str | None = None


class Admission:
    """The rules of one process, and its count of who is in."""

    def __init__(
        self,
        settings: Settings,
        credentials: CredentialStore,
        *,
        unavailable: Callable[[], str | None],
        unavailable_to_sent: Callable[[], str | None] | None = None,
        clock: Callable[[], float],
    ) -> None:
        """Take why streams are refused; perhaps other words for callers whom this server has sent.

        Those are in the middle of a call that began before: they are let in to the last.
        """
        self._settings = settings
        self._credentials = credentials
        self._unavailable = unavailable
        self._unavailable_to_sent = unavailable_to_sent or unavailable
        self._clock = clock
        self._throttle = FailureThrottle()
        self._active: Counter[str] = Counter()

    @property
    def active(self) -> int:
        """Streams that are on."""
        return self._active.total()

    @property
    def open(self) -> bool:
        """Whether streams need no credential: asked for, or none was ever made (loopback only)."""
        alone = self._settings.loopback and not self._settings.behind_tls_proxy
        return self._settings.open or (alone and not self._credentials.ever_any)

    def decide(self, request: Request) -> Admitted | Refused:
        """Admit or refuse. An admitted stream must be given back with `left`."""
        offered = self._subprotocol(request)
        if isinstance(offered, Refused):
            return offered
        credential = self._pass(request) or self._credential(request)
        if isinstance(credential, Refused):
            return credential
        tenant = credential.tenant if credential else OPEN_TENANT
        if refused := self._capacity(tenant, sent=isinstance(credential, Pass)):
            return refused
        if isinstance(credential, Pass):
            return Admitted(tenant, offered, granted=credential.granted)
        return Admitted(tenant, offered, credential.account_sid if credential else None)

    def admit(self, request: Request) -> Admitted | Refused:
        """Say who asks for something other than a stream; nothing has to be given back."""
        credential = self._credential(request)
        if isinstance(credential, Refused):
            return credential
        if credential is None:
            return Admitted(OPEN_TENANT, None)
        return Admitted(credential.tenant, None, credential.account_sid, credential.user)

    def entered(self, tenant: str) -> None:
        """Count a stream that was accepted."""
        self._active[tenant] += 1

    def left(self, tenant: str) -> None:
        """Count a stream that is over."""
        self._active[tenant] -= 1
        if not self._active[tenant]:
            del self._active[tenant]

    def _subprotocol(self, request: Request) -> str | Refused | None:
        first = request.subprotocols[0] if request.subprotocols else None
        if self._settings.subprotocol == "any":
            return first
        for offered in request.subprotocols:
            if offered in self._settings.subprotocol:
                return offered
        wanted = " or ".join(self._settings.subprotocol)
        sentence = f"this address speaks the websocket subprotocol {wanted}\n"
        return Refused(400, "subprotocol", sentence, offered=first or "none")

    def _pass(self, request: Request) -> Pass | Refused | None:
        """Return the pass of a stream; None if it came with none. Also where none is needed."""
        given = _given(request)
        if given is None or request.passes is None or not looks_like_pass(given[0]):
            return None
        if request.scope != "listen":
            return Refused(403, "scope", "a pass is for what callers say, no other streams\n")
        if granted := request.passes(*given):
            return granted
        wait = self._throttle.failed(_PASSES, request.address, self._clock())
        return _too_often(wait) if wait else _WRONG_PASS

    def _credential(self, request: Request) -> Credential | Refused | None:
        headers = dict(request.headers)
        if self.open:
            return _FROM_ELSEWHERE if _FORWARDED & headers.keys() else None
        header = headers.get(b"authorization")
        if header is None:
            return _NO_API_CREDENTIAL if request.scope == "api" else _NO_CREDENTIAL
        given = basic_credentials(header.decode("latin-1"))
        return self._check(given, request) if given else _UNREADABLE

    def _check(self, given: tuple[str, str], request: Request) -> Credential | Refused:
        credential = self._credentials.check(*given)
        if credential is None:
            wait = self._throttle.failed(given[0], request.address, self._clock())
            return _too_often(wait) if wait else _WRONG
        if request.scope not in credential.scopes:
            return Refused(403, "scope", f"the credential lacks the scope {request.scope}\n")
        return credential

    def _capacity(self, tenant: str, *, sent: bool) -> Refused | None:
        why = self._unavailable_to_sent() if sent else self._unavailable()
        if why is None and self.active >= self._settings.max_streams:
            why = "full"
        limit = self._settings.max_streams_per_tenant
        if why is None and limit is not None and self._active[tenant] >= limit:
            why = "tenant full"
        if why is None:
            return None
        reason = why if why in _OUR_REASONS else "sink unavailable"  # a plugin's words are any
        return Refused(503, reason, f"no new streams now: {why}\n", ((b"retry-after", b"10"),))


def _unauthorized(reason: str, sentence: str) -> Refused:
    challenge = (b"www-authenticate", b'Basic realm="listen-server", charset="UTF-8"')
    return Refused(401, reason, f"{sentence}\n", (challenge,))


_NO_CREDENTIAL = _unauthorized(
    "no credential",
    "set the verb's wsAuth; jambonz omits it where user:password is longer than 91 bytes",
)
_NO_API_CREDENTIAL = _unauthorized(
    "no credential",
    "give a credential with the scope api, as HTTP Basic; `listen-server calls` takes it from "
    "--user and LISTEN_API_PASSWORD",
)
_UNREADABLE = _unauthorized(
    "unreadable credential",
    "HTTP Basic is asked for; jambonz garbles it where user:password is longer than 90 bytes",
)
_WRONG = _unauthorized("wrong credential", "user or password is wrong")
_WRONG_PASS = _unauthorized("wrong pass", "the pass is too old, or not of this server")
_FROM_ELSEWHERE = _unauthorized(
    "forwarded without credential",
    "without a credential only programs on this machine may stream: "
    "`listen-server credentials add TENANT` makes one",
)


def _given(request: Request) -> tuple[str, str] | None:
    header = dict(request.headers).get(b"authorization")
    return basic_credentials(header.decode("latin-1")) if header else None


def _too_often(wait: int) -> Refused:
    header = (b"retry-after", str(wait).encode())
    return Refused(429, "guessing", "too many wrong passwords\n", (header,))
