"""Lines for a descriptor that may block: a thread writes them, and nobody who logs waits for it.

A terminal that is paused or a collector that is stuck stops a pipe, and whoever writes to it. What
the bounded queue has no room for is counted, and told as soon as lines go out again.
"""

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

MOST_LINES: Final = 10_000  # that wait: some megabytes
FAREWELL: Final = 3.0  # seconds that the end of the process waits for what nobody reads


class LogWriter:
    """The lines of one process."""

    def __init__(
        self, descriptor: int, told: Callable[[int], str], *, most: int = MOST_LINES
    ) -> None:
        """Write to a descriptor that others may write to; `told` says how many lines are lost."""
        self._descriptor = descriptor
        self._told = told
        self._most = most
        self._lines: deque[str] = deque()
        self._lost = 0
        self._is_writing = False
        self._change = threading.Condition()
        threading.Thread(target=self._keep_writing, name="log", daemon=True).start()

    def put(self, line: str) -> None:
        """Have a line written. Waits for nobody who reads."""
        with self._change:
            if len(self._lines) < self._most:
                self._lines.append(line)
                self._change.notify_all()
            else:
                self._lost += 1

    def flush(self, seconds: float = FAREWELL) -> bool:
        """Wait until all is written, for so long at most; return whether it is."""
        with self._change:
            return self._change.wait_for(lambda: not (self._lines or self._is_writing), seconds)

    def _keep_writing(self) -> None:
        while True:
            with self._change:
                self._is_writing = False
                self._change.notify_all()
                self._change.wait_for(lambda: self._lines)
                self._is_writing = True
                line = self._lines.popleft()
            if self._write(line):
                self._tell()

    def _tell(self) -> None:
        """Say what is lost, where lines go out again."""
        with self._change:
            lost, self._lost = self._lost, 0
        if lost and not self._write(self._told(lost)):
            with self._change:
                self._lost += lost

    def _write(self, line: str) -> bool:
        rest = memoryview(f"{line}\n".encode(errors="backslashreplace"))
        try:
            while rest:
                rest = rest[self._write_some(rest) :]
        except OSError:  # nobody reads it any more, or the disk of the log is full
            with self._change:
                self._lost += 1
            return False
        return True

    def _write_some(self, data: memoryview) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:  # somebody who shares the descriptor has made it so
            select.select([], [self._descriptor], [])
            return 0
