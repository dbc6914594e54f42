"""Whose fault it is, and what to do now. Three who must act: the peer, the operator, us."""


class ListenServerError(Exception):
    """Base of all our errors; `hint` says what to do, for the one who must act."""

    hint: str = ""

    def __str__(self) -> str:
        sentence = super().__str__()
        return f"{sentence}; {self.hint}" if self.hint else sentence


class PeerError(ListenServerError):
    """The other end of a websocket did what jambonz does not do. Its connection ends."""

    close_code = 1008  # policy violation (RFC 6455, section 7.4.1)


class MessageTooLarge(PeerError):  # noqa: N818 - the name is the fault
    """One websocket message was larger than anything that jambonz sends."""

    close_code = 1009
    hint = "jambonz sends at most 1.28 MB in one message; another client must split its audio"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"received a message of {size} bytes, over the limit of {limit}")
        self.size = size
        self.limit = limit


class ConfigError(ListenServerError):
    """The operator must change something. Carries every fault found, each with its fix."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
