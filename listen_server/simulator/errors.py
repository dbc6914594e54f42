"""Why a simulated call could not go as scripted. client.py and cli.py raise it for people."""

from listen_server.errors import ListenServerError


class CallError(ListenServerError):
    """A simulated call came to nothing. The sentence is for the person who placed it."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class CallRefused(CallError):  # noqa: N818  # reads as the finding it is
    """The server answered the upgrade with something else than 101. jambonz does not retry."""

    def __init__(self, status: int, phrase: str, body: str) -> None:
        said = f": {body}" if body else ""
        super().__init__(f"the server refused the call with {status} {phrase}".rstrip() + said)
        self.status = status
        self.hint = _HINTS.get(status, "")


_HINTS = {
    401: "give the credential with --user and --password",
    403: "is the credential right, and may it use this path?",
    404: "does the server have a route for the path in --url?",
}
