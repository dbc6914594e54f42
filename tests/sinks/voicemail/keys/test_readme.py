import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import listen_sinks.voicemail.keys
from listen_sinks.voicemail.keys import read_provider_config
from listen_sinks.voicemail.keys.making import installed_providers, provider_class

PAGE = (Path(listen_sinks.voicemail.keys.__file__).parent / "README.md").read_text()
SECTIONS = dict(re.findall(r"^## `([\w-]+)`\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("kind", ["file", "vault", "aws-kms", "gcp-kms"])
def test_every_key_of_a_provider_is_on_the_page_with_its_default(kind: str) -> None:
    assert kind in installed_providers()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) ?\|", SECTIONS[kind], re.MULTILINE))
    fields = provider_class(kind).Config.model_fields

    assert rows.keys() == fields.keys()
    for name, field in fields.items():
        if not field.is_required() and field.default is not None:
            assert rows[name] == f"`{str(field.default).lower()}`"
        assert field.description


def test_the_example_is_a_configuration() -> None:
    (text,) = re.findall(r"```toml\n(\[sinks.*?)```", PAGE, re.DOTALL)
    keys: dict[str, Any] = tomllib.loads(text)["sinks"]["voicemail"]["keys"]

    read_provider_config(keys.pop("provider"), keys)
