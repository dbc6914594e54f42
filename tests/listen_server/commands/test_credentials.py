"""`listen-server credentials add`: what it says of the secret that it shows."""

from pathlib import Path

import pytest
from terminal import run


@pytest.mark.parametrize(
    ("scopes", "in_a_verb", "in_a_command"),
    [((), True, False), (("api",), False, True), (("listen", "api"), True, True)],
)
def test_it_says_where_the_password_goes_by_what_it_is_for(
    tmp_path: Path, scopes: tuple[str, ...], *, in_a_verb: bool, in_a_command: bool
) -> None:
    options = [word for scope in scopes for word in ("--scope", scope)]

    made = run("credentials", "add", "acme", *options, "--data-dir", str(tmp_path))

    assert ("wsAuth" in made.stderr, "LISTEN_API_PASSWORD" in made.stderr) == (
        in_a_verb,
        in_a_command,
    )
