"""Why a simulated call could not go as scripted. client.py and cli.py raise it for people."""

from listen_server.errors import ListenServerError


class CallError(ListenServerError):
    """A simulated call came to nothing. The sentence is for the person who placed it."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class CallRefused(CallError):  # noqa: N818  # reads as the finding it is
    """The server answered the upgrade with something else than 101. jambonz does not retry."""

    def __init__(self, status: int, phrase: str, body: str, *, credential: bool = False) -> None:
        """`credential` says whether one was sent."""
        said = f": {body.rstrip('.;:')}" if body else ""
        super().__init__(f"the server refused the call with {status} {phrase}".rstrip() + said)
        self.status = status
        self.hint = _hint(status, credential=credential)


_HINTS = {
    403: "is the credential right, and may it use this path?",
    404: "does the server have a route for the path in --url?",
    426: "does the server have a route for the path in --url?",
    429: "too many wrong credentials came from here: wait as long as it says",
    502: "the proxy in front does not reach the server",
    504: "the proxy in front does not reach the server",
}


def _hint(status: int, *, credential: bool) -> str:
    if status == 401:  # noqa: PLR2004  # unauthorized, RFC 9110
        given = "is this credential of that server, and not revoked?"
        return given if credential else "give the credential with --user and --password"
    if 300 <= status < 400:  # noqa: PLR2004  # redirection, RFC 9110
        return "jambonz follows no redirect: give the address that it leads to"
    return _HINTS.get(status, "")
