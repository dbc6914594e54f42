"""Where the platform takes a verb otherwise than the reference says; rules.py reads with it.

Sources: specs.json of @jambonz/verb-specifications (what is required), lib/tasks/gather.js
(`input` must have the word digits), say.js and play.js (`loop || 1`) of jambonz-feature-server
0.9.8.
"""

from collections.abc import Mapping
from typing import Any, Final

_HOOKS: Final[Mapping[str, tuple[str, str]]] = {
    "gather": ("actionHook", "action_hook"),
    "transcribe": ("transcriptionHook", "transcription_hook"),
}
"""Hooks that the reference requires and the platform does not."""
_NOWHERE: Final = "/"


def as_taken(name: Any, inside: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what our model is to read, and what is to be changed of it afterwards."""
    given, later = dict(inside), dict[str, Any]()
    if name in ("say", "play"):
        given = _once(given)
    if name == "gather":
        for prompt in ("say", "play"):
            if isinstance(given.get(prompt), dict):
                given[prompt] = _once(given[prompt])
        asked = given.get("input")
        if isinstance(asked, list) and "dtmf" in asked:  # no word of the platform's: not collected
            later["input"] = [one for one in asked if one in ("digits", "speech")]
    if isinstance(name, str) and name in _HOOKS:
        hook, field = _HOOKS[name]
        if hook not in given and not (name == "gather" and "action" in given):
            given[hook] = _NOWHERE
            later[field] = None
    return given, later


def _once(prompt: dict[str, Any]) -> dict[str, Any]:
    loop = prompt.get("loop")
    return {**prompt, "loop": 1} if loop == 0 and not isinstance(loop, bool) else prompt
