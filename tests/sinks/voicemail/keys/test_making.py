import logging
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from listen_sinks.api import SinkError
from listen_sinks.voicemail.keys import (
    installed_providers,
    make_provider,
    read_provider_config,
)
from listen_sinks.voicemail.keys.file import FileConfig, FileKeys
from listen_sinks.voicemail.keys.making import import_extra, keep_quiet


def test_ours_are_found_by_the_same_entry_points_as_a_strangers() -> None:
    assert {"file", "vault", "aws-kms", "gcp-kms"} <= installed_providers().keys()
    assert all(isinstance(entry, EntryPoint) for entry in installed_providers().values())


def test_a_provider_is_made_from_its_name_and_its_keys(tmp_path: Path) -> None:
    provider = make_provider("file", {"path": "my.keys"}, tmp_path)

    assert isinstance(provider, FileKeys)
    assert read_provider_config("file", {"path": "my.keys"}) == FileConfig(path=Path("my.keys"))


def test_a_name_that_is_not_installed_is_told_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="'valut' is not installed: there are aws-kms, file"):
        read_provider_config("valut", {})


def test_a_key_that_a_provider_does_not_have_is_told() -> None:
    with pytest.raises(ValueError, match="paht"):
        read_provider_config("file", {"paht": "x"})


def test_an_extra_that_is_not_installed_is_told_with_the_command_that_installs_it() -> None:
    with pytest.raises(SinkError, match=r"pip install 'listen-server\[aws-kms\]'"):
        import_extra("no_such_sdk", "aws-kms")


def test_an_sdk_is_kept_from_debug_lines_but_may_be_quieter_still() -> None:
    names = ("tests.loud", "tests.quiet")
    logging.getLogger("tests.quiet").setLevel(logging.ERROR)

    keep_quiet(*names)

    levels = [logging.getLogger(name).level for name in names]
    assert levels == [logging.INFO, logging.ERROR]
