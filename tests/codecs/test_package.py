import codecs
import importlib
import subprocess
import sys
from pathlib import Path

import listen_codecs

ROOT = Path(__file__).parents[2]


def run(program: str) -> str:
    """What a fresh interpreter prints that looks for modules in the repository's root first."""
    command = [sys.executable, "-c", program]
    environment = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, capture_output=True, check=True, text=True, cwd=ROOT, env=environment
    ).stdout.strip()


def test_the_folder_codecs_never_becomes_a_package_that_hides_the_standard_librarys() -> None:
    assert not (ROOT / "codecs" / "__init__.py").exists()
    assert codecs.lookup("utf-8").name == "utf-8"
    assert run("import codecs; print(codecs.lookup('utf-8').name)") == "utf-8"


def test_every_public_name_is_there_and_explained() -> None:
    for name in listen_codecs.__all__:
        assert getattr(listen_codecs, name) is not None

    functions = [getattr(listen_codecs, name) for name in listen_codecs.__all__ if name.islower()]
    assert all(function.__doc__ for function in functions)


def test_every_public_name_is_in_the_readme() -> None:
    readme = (ROOT / "codecs" / "README.md").read_text(encoding="utf-8")

    assert [name for name in listen_codecs.__all__ if f"`{name}" not in readme] == []


def test_audio_is_cut_and_measured_without_an_event_loop() -> None:
    importlib.import_module("listen_codecs")

    assert run("import sys, listen_codecs; print('asyncio' in sys.modules)") == "False"
