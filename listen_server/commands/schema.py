"""`listen-server schema`: what a jambonz application may be, as JSON Schema for other tools."""

import json

import typer


def schema() -> None:
    """Print the JSON Schema of a jambonz application: the verbs, with every option."""
    from listen_server.jambonz.verbs import application_schema  # noqa: PLC0415 - large, rarely used

    typer.echo(json.dumps(application_schema(), indent=2))
