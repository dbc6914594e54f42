"""One stream told to a service while it is on: started, keys, gaps, ended. plugin.py has the rest.

Every method returns at once: line.py delivers.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from listen_sinks.api import (
    Call,
    DtmfPressed,
    Gap,
    MetadataArrived,
    Outcome,
    Sink,
    StreamEvent,
)
from listen_sinks.description import encode
from listen_sinks.webhook.config import StreamConfig
from listen_sinks.webhook.events import moment
from listen_sinks.webhook.line import Line

if TYPE_CHECKING:
    from listen_sinks.webhook.plugin import Webhook


class WebhookSink(Sink):
    """Tells of one stream."""

    def __init__(self, plugin: "Webhook", line: Line) -> None:
        self._plugin = plugin
        self._line = line
        self._config: StreamConfig = plugin.config

    async def start(self, call: Call) -> None:
        """Tell that it has begun."""
        told: dict[str, Any] = {
            "tenant": call.tenant,
            "route": call.route,
            "call_sid": call.call_sid,
            "started_at": moment(call.started_at),
            "sample_rate": call.format.sample_rate,
            "mix": call.format.mix,
        }
        if self._config.metadata:
            told |= {
                "direction": call.direction,
                "from": call.from_number,
                "to": call.to_number,
                "metadata": _sayable(call.attributes),
            }
        self._line.put("stream.started", told)
        self._plugin.begin(self._line)

    async def event(self, event: StreamEvent, at: float) -> None:
        """Tell of what an author may know; `at` is in seconds of received audio."""
        match event:
            case DtmfPressed(digit=digit, duration=duration) if self._config.dtmf:
                self._line.put("stream.dtmf", {"at": at, "digit": digit, "duration": duration})
            case Gap(at=begin, seconds=seconds, reason=reason):
                told = {"at": begin, "seconds": seconds, "reason": reason}
                self._line.put("stream.gap", told)
            case MetadataArrived(attributes=attributes) if self._config.metadata:
                self._line.put("stream.metadata", {"metadata": _sayable(attributes)})
            case _:
                pass

    async def finish(self, outcome: Outcome) -> None:
        """Tell that it is over, and how many events before this one are lost."""
        told = {
            "outcome": outcome.state,
            "reason": outcome.reason,
            "ended_at": moment(outcome.ended_at),
            "seconds": round(outcome.seconds, 3),
            "gaps": len(outcome.gaps),
            "flags": list(outcome.flags),
            "lost": self._line.lost,
        }
        self._line.put("stream.ended", told, last=True)


def _sayable(attributes: Mapping[str, Any]) -> Any:
    """Return metadata as JSON can say it, or null where that would be too deep."""
    return json.loads(encode({"metadata": attributes, "notes": []}))["metadata"]
