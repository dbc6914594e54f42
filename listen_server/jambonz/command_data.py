"""What the data of each command must be, and what is written of it; commands.py makes commands."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from listen_server.jambonz.errors import Refused
from listen_server.jambonz.model import Headers, Hook, Part, without
from listen_server.jambonz.verbs import Application, Dub, RecordOptions


class _CallStatus(Part):
    call_status: Literal["completed", "no-answer"] = Field(alias="call_status")


class _Mute(Part):
    mute_status: Literal["mute", "unmute"] = Field(alias="mute_status")


class _ConferenceMute(Part):
    conf_mute_status: Literal["mute", "unmute"] = Field(alias="conf_mute_status")


class _ConferenceHold(Part):
    conf_hold_status: Literal["hold", "unhold"] = Field(alias="conf_hold_status")
    wait_hook: Hook | None = Field(default=None, alias="wait_hook")


class _ListenStatus(Part):
    listen_status: Literal["pause", "resume"] = Field(alias="listen_status")


class _Record(RecordOptions):
    silence: Annotated[bool, Field(strict=True)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.action == "startCallRecording" and self.type != "cloud":
            for name in ("recordingID", "siprecServerURL"):
                if not getattr(self, _FIELDS[name]):
                    raise ValueError(f"`{name}` is required to start a recording")
        return self


_FIELDS: Final = {"recordingID": "recording_id", "siprecServerURL": "siprec_server_url"}


class _SipRequest(Part):
    method: Literal["INFO", "NOTIFY", "MESSAGE"]
    content_type: str | None = Field(default=None, alias="content_type")
    content: str | None = None
    headers: Headers | None = None


def _checked(model: type[Part]) -> Callable[[str, Any], Any]:
    def read(name: str, data: Any) -> Any:
        try:
            return model.model_validate(data).write()
        except ValidationError as error:
            raise Refused.told(error, f"the data of {name}", data, model) from None

    return read


def _redirect(name: str, data: Any) -> Any:
    if not isinstance(data, list):
        raise Refused(f"the data of {name} is a list of verbs")
    return Application(data)


def _mute(name: str, data: Any) -> Any:
    """Read the bare word too, which jambonz takes."""
    return _checked(_Mute)(name, {"mute_status": data} if isinstance(data, str) else data)


def _listen(name: str, data: Any) -> Any:
    """Read the newer name of the stream too."""
    if isinstance(data, Mapping) and "stream_status" in data and "listen_status" not in data:
        data = {
            **without(dict(data), ["stream_status"]),
            "listen_status": data["stream_status"],
        }
    return _checked(_ListenStatus)(name, data)


def _whisper(name: str, data: Any) -> Any:
    if not isinstance(data, Mapping) or data.keys() != {"whisper"}:
        raise Refused(f"the data of {name} has a `whisper`, and nothing else")
    verbs = data["whisper"] if isinstance(data["whisper"], list) else [data["whisper"]]
    if not verbs:
        raise Refused(f"`whisper` of {name} must not be empty")
    return {"whisper": Application(verbs, place="whisper").write()}


def _sip_request(name: str, data: Any) -> Any:
    """Read it flat, as the reference has it; write it nested, as jambonz looks for it."""
    if isinstance(data, Mapping) and data.keys() == {"sip_request"}:
        data = data["sip_request"]
    return {"sip_request": _checked(_SipRequest)(name, data)}


def _dub(name: str, data: Any) -> Any:
    """Write it without `verb`: jambonz adds that."""
    return without(_checked(Dub)(name, data), ["verb"])


COMMANDS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "redirect": _redirect,
    "call:status": _checked(_CallStatus),
    "mute:status": _mute,
    "conf:mute-status": _checked(_ConferenceMute),
    "conf:hold-status": _checked(_ConferenceHold),
    "listen:status": _listen,
    "stream:status": _listen,
    "record": _checked(_Record),
    "whisper": _whisper,
    "sip:request": _sip_request,
    "dub": _dub,
}
"""The ten commands of the reference, and `stream:status`, a newer name of `listen:status`."""
