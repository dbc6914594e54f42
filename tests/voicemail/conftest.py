"""What holds for all calls to the voicemail in these tests."""

import pytest

from listen_server.simulator.platform import reaching


@pytest.fixture(autouse=True)
def nothing_comes_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time jump at once: the application sends no commands that are to be waited for."""
    monkeypatch.setattr(reaching, "GRACE", 0.0)
