"""SIGTERM before there is a server: exit 0, at once. `server/serving.py` takes over from here.

Imported and installed first of all by `__main__`, before the imports that take their time.
A process that is the first of its container (PID 1) has no default action for SIGTERM: one
that arrives during start would be lost, and the container be killed at the end of its grace.
"""

import os
import signal


def install() -> None:
    """Make SIGTERM end the process; nothing has been begun that would want an end."""
    signal.signal(signal.SIGTERM, lambda _signal, _frame: os._exit(0))
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a worker ignores it
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C: no traceback of half an import
