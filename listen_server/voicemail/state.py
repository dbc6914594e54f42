"""What a conversation knows, from one hook to the next: sealed, in the call's own customerData.

    State --States.tag--> Tag verb -> jambonz -> next hook --States.of--> State

So any process can answer the next hook, and one that dies in between costs nothing. The seal binds
it to the call and the tenant.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from listen_server.jambonz import Call, Tag
from listen_server.voicemail.tokens import Tokens

KEY: Final = "listen_voicemail"
"""Of `customerData`; what else is in there stays."""
PURPOSE: Final = "state"
LIFETIME: Final = 4 * 3600.0  # seconds


class State(BaseModel):
    """One call's. Small: it travels with every hook and in the metadata of streams (8 KiB)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tenant: str
    mailbox: str | None = Field(default=None, repr=False)
    """ULID of the mailbox that the call is about."""
    ticket: str | None = None
    """Of the recording that is being made, or was made last."""
    step: str = "greeting"
    """How far the conversation is."""
    tries: int = 0
    """How often something was tried in this step."""
    failed: int = 0
    """How often in a row a recording came to nothing."""
    message: str | None = None
    """ULID of the caller's own message, once it is there and something was said in it."""
    replaces: str | None = None
    """ULID of the message that the recording takes the place of."""
    owner: bool = False
    """Whether the PIN was right: everything of the mailbox is open."""
    own: Mapping[str, Any] = Field(default_factory=dict, repr=False)
    """What the owner's flow keeps: ids and numbers, never a PIN."""

    def having(self, **changes: Any) -> "State":
        """Return the same with something changed."""
        return self.model_copy(update=changes)


class States:
    """Puts a state into a call, and takes it out."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def tag(self, call: Call, state: State) -> Tag:
        """Return the verb that keeps a state with the call; the newest one counts."""
        sealed = {**state.model_dump(mode="json", exclude_defaults=True), "call": call.sid}
        token = self._tokens.seal(PURPOSE, sealed, LIFETIME)
        known = call.told.customer_data
        return Tag(data={**(known if isinstance(known, dict) else {}), KEY: token})

    def of(self, call: Call) -> State | None:
        """Return the state that a call came back with; None if there is none, or not its own."""
        known = call.told.customer_data
        token = known.get(KEY) if isinstance(known, dict) else None
        sealed = self._tokens.open(PURPOSE, token) if isinstance(token, str) else None
        if sealed is None or sealed.pop("call", None) != call.sid:
            return None
        if call.tenant is not None and sealed.get("tenant") != call.tenant:
            return None
        try:
            return State.model_validate(sealed)
        except ValidationError:  # of another version of this program
            return None
