"""The processes that a worker has started: they end with it, whatever they have made of themselves.

On Linux nothing escapes: what a learner has orphaned comes back to the process that called `adopt`.
Elsewhere only the process group of the worker is ended, and a child that has left it lives on.
"""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

ROUNDS = 500
PAUSE_SECONDS = 0.01
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """Become the parent of all descendants that lose theirs."""
    _control(_PR_SET_CHILD_SUBREAPER, 1)


def follow_parent(number: signal.Signals) -> None:
    """Be sent a signal when the parent process ends."""
    _control(_PR_SET_PDEATHSIG, number)


def end_all(group: int) -> None:
    """End and reap all descendants of this process, `group` being that of its one child."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    for _ in range(ROUNDS):
        for pid in descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(PAUSE_SECONDS)


def descendants() -> list[int]:
    """Those of this process that /proc knows, children before grandchildren."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            parent = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = [os.getpid()]
    for pid in found:
        found += children.get(pid, [])
    return found[1:]


def _control(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
