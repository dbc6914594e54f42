from pathlib import Path

from listen_sinks.voicemail import Voicemail, config, spool
from listen_sinks.voicemail.policies import MailboxSettings

TEXT = Path(config.__file__).with_name("README.md").read_text()


def test_every_setting_is_on_the_page_for_operators() -> None:
    assert [key for key in Voicemail.Config.model_fields if f"| `{key}` |" not in TEXT] == []


def test_every_rule_of_a_mailbox_is_on_the_page_for_operators() -> None:
    assert [rule for rule in MailboxSettings.model_fields if f"`{rule}`" not in TEXT] == []


def test_every_file_of_the_spool_is_on_the_page() -> None:
    folder = Path(spool.__file__).parent
    names = {path.name for path in folder.glob("*.py")} - {"__init__.py", "names.py", "note.py"}
    assert sorted(name for name in names if f"`{name}`" not in TEXT) == []
