"""SIGTERM in the first second."""

from pathlib import Path

from server.processes import program


def test_sigterm_before_the_imports_are_done_ends_with_exit_code_0(tmp_path: Path) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(
        "from listen_server import early_stop\n"
        "early_stop.install()\n"
        "print('installed')\n"
        "import threading\n"
        "threading.Event().wait()\n"
    )

    with program(file=slow) as process:
        process.says("installed")
        process.signal()

        assert process.exit_code() == 0


def test_nothing_heavy_is_imported_before_the_signal_is_taken(tmp_path: Path) -> None:
    light = tmp_path / "light.py"
    light.write_text(
        "import sys\n"
        "from listen_server import early_stop\n"
        "print('heavy', sorted({'uvicorn', 'numpy', 'pydantic', 'asyncio'} & set(sys.modules)))\n"
    )

    with program(file=light) as process:
        process.says(r"heavy \[\]")
