"""The image, as far as its recipe tells: who runs, from what, and how it is stopped."""

import json
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Manifest: TypeAlias = dict[str, Any]
Instructions: TypeAlias = list[tuple[str, str]]


@pytest.fixture(scope="module")
def stages(deploy: Path) -> list[Instructions]:
    """The instructions of each stage, with continued lines joined."""
    text = re.sub(r"\\\n(?:#.*\n)*", " ", (deploy / "Dockerfile").read_text())
    found: list[Instructions] = [[]]
    for line in text.splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            if word == "FROM":
                found.append([])
            found[-1].append((word, " ".join(rest.split())))
    return found[1:]


def test_the_server_is_the_first_process_and_hears_sigterm(stages: list[Instructions]) -> None:
    final = dict(stages[-1])

    assert json.loads(final["ENTRYPOINT"]) == ["listen-server"]
    assert json.loads(final["CMD"]) == ["serve"]
    assert final["STOPSIGNAL"] == "SIGTERM"


def test_the_user_is_the_one_that_the_manifests_name(
    stages: list[Instructions], pod: Manifest, compose: Manifest
) -> None:
    user = dict(stages[-1])["USER"]

    assert user == compose["services"]["receiver"]["user"]
    assert user == f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"


def test_every_dependency_is_locked_with_hashes(stages: list[Instructions]) -> None:
    installs = [rest for word, rest in stages[0] if word == "RUN" and "pip install" in rest]

    assert installs
    for install in installs:
        assert "--require-hashes" in install or "--no-deps --no-index" in install
    assert all(word != "RUN" or "pip" not in rest for word, rest in stages[-1])


def test_the_offline_engine_is_there_for_who_asks_for_it(
    deploy: Path, stages: list[Instructions]
) -> None:
    project = tomllib.loads((deploy.parent / "pyproject.toml").read_text())
    (engine, *_) = re.split("[<>=]", project["project"]["optional-dependencies"]["offline"][0])
    (install,) = [rest for word, rest in stages[0] if word == "RUN" and "offline" in rest]

    assert ("ARG", "OFFLINE=") in stages[0]
    assert install.startswith('test -z "${OFFLINE}" ||')
    assert (deploy.parent / "requirements-offline.txt").read_text().startswith(f"{engine}==")


def test_what_only_builds_is_not_shipped(deploy: Path, stages: list[Instructions]) -> None:
    project = tomllib.loads((deploy.parent / "pyproject.toml").read_text())
    build = {re.split("[<>=]", one)[0] for one in project["dependency-groups"]["build"]}

    (gone,) = re.findall(r"pip uninstall --yes ([\w -]+?) &&", dict(stages[0])["RUN"])

    assert set(gone.split()) == {*build, "pip"}


def test_only_what_is_copied_is_sent_to_the_builder(
    deploy: Path, stages: list[Instructions]
) -> None:
    rules = (deploy.parent / ".dockerignore").read_text().splitlines()
    sent = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = [rest.split()[:-1] for word, rest in stages[0] if word == "COPY"]

    assert sent == {source for sources in copied for source in sources}
    assert all((deploy.parent / source).exists() for source in sent)
    assert "*" in rules
    assert any(fnmatch("listen_server/__pycache__", rule) for rule in rules if rule != "*")


def test_the_wheel_has_all_that_it_is_built_from(deploy: Path, stages: list[Instructions]) -> None:
    project = tomllib.loads((deploy.parent / "pyproject.toml").read_text())
    named = {
        project["project"]["readme"],
        *project["project"]["license-files"],
        *(path.split("/")[0] for path in _packages(project)),
    }
    copied = {source for word, rest in stages[0] if word == "COPY" for source in rest.split()}

    assert named <= copied


def test_no_setting_is_baked_in(stages: list[Instructions]) -> None:
    assert not any("LISTEN_" in rest for _, rest in stages[-1])


def _packages(project: Manifest) -> list[str]:
    packages: list[str] = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return packages
