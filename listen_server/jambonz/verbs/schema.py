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
    choices = []
    for verb in VERBS:
        reference = references[verb, "validation"]["$ref"]
        names = [verb.verb, *verb.aliases]
        choices.append(
            {
                "required": ["verb"],
                "properties": {"verb": {"enum": names}},
                "$ref": f"{reference}AsVerb",
            }
        )
        nested = definitions[reference.rsplit("/", 1)[-1]]
        alone = {**nested, "properties": {"verb": {"enum": names}, **nested.get("properties", {})}}
        definitions[f"{reference.rsplit('/', 1)[-1]}AsVerb"] = alone
    passed_on = {
        "type": "object",
        "description": "A verb that is passed on unchecked.",
        "required": ["verb"],
        "properties": {"verb": {"not": {"enum": [n for v in VERBS for n in (v.verb, *v.aliases)]}}},
    }
    return {
        "$schema": DIALECT,
        "title": "A jambonz application",
        "type": "array",
        "items": {"anyOf": [*choices, passed_on]},
        "$defs": definitions,
    }
