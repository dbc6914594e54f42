"""The verbs as JSON Schema (draft 2020-12), made from their models; reading.py has the list."""

from typing import Any

from pydantic.json_schema import models_json_schema

from listen_server.jambonz.verbs.reading import VERBS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def application_schema() -> dict[str, Any]:
    """Return the schema of an application as it is written: a list of verbs in the long form.

    What is read kindly, such as `action` for `actionHook`, has no place in it.
    """
    references, whole = models_json_schema(
        [(verb, "validation") for verb in VERBS], by_alias=True, ref_template="#/$defs/{model}"
    )
    definitions = whole["$defs"]
    choices: list[dict[str, Any]] = []
    for verb in VERBS:
        nested = references[verb, "validation"]["$ref"].rsplit("/", 1)[-1]
        named = {"verb": {"enum": [verb.verb, *verb.aliases]}}
        definitions[f"{nested}AsVerb"] = _alone(definitions[nested], named)
        choices.append({"$ref": f"#/$defs/{nested}AsVerb"})
    known = [name for verb in VERBS for name in (verb.verb, *verb.aliases)]
    passed_on = {
        "type": "object",
        "description": "A verb that is passed on unchecked.",
        "required": ["verb"],
        "properties": {"verb": {"type": "string", "not": {"enum": known}}},
    }
    return {
        "$schema": DIALECT,
        "title": "A jambonz application",
        "type": "array",
        "items": {"anyOf": [*choices, passed_on]},
        "$defs": definitions,
    }


def _alone(nested: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a verb that stands alone, and so has its name."""
    return {
        **nested,
        "required": ["verb", *nested.get("required", [])],
        "properties": {**named, **nested.get("properties", {})},
    }
