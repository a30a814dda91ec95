"""The command line: `reml run|status|table|plot|report|compare|reproduce|...`.

Everything slow is imported late, where Ctrl-C and full disks are caught.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from benchmarks.collecting import seldom_collected
from benchmarks.terminal import prepare, say, silence, unwritable

if TYPE_CHECKING:
    import argparse

FAULTY = 2
INTERNAL = 70
INTERRUPTED = 130
RUNS = frozenset({"run", "tune"})
"""Commands that go on where they were interrupted."""
LONGEST = 1000
"""Characters of an error's one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0; 1 where a trial failed or a law is broken; 2 for bad input, and where the
        output cannot be written; 70 for a mistake of this program's own; 130 after Ctrl-C.
    """
    prepare()
    command, chosen = "", None
    try:
        with _Quick():
            from benchmarks.options import parser

            options = parser().parse_args(arguments)
            command = options.command
            if command not in RUNS or _answer(_announce, options) == 0:
                with seldom_collected():  # of what is imported nothing goes
                    chosen = _chosen(options)
        code = FAULTY
        if chosen:
            with seldom_collected():
                code = _answer(chosen, options)
    except KeyboardInterrupt:
        goes_on = "; the same command goes on from here" * (command in RUNS)
        if goes_on and getattr(options, "force", False):
            goes_on = "; what was not repeated yet is as before"
        with _Deaf():
            say(f"reml: interrupted{goes_on}")
        if unwritable():
            silence(sys.stdout)
        return INTERRUPTED
    except SystemExit:  # after --help, say
        if failed := unwritable():
            return _cut_off(failed, command)
        raise
    except Exception as error:
        return _broken(error, command)
    failed = unwritable()
    return _cut_off(failed, command) if failed else code


def _answer(command: Callable[["argparse.Namespace"], int], options: "argparse.Namespace") -> int:
    from benchmarks.core.errors import UserError
    from benchmarks.core.text import line

    try:
        return command(options)
    except UserError as error:
        say(f"reml: {line(str(error), LONGEST)}")
        return FAULTY


def _announce(options: "argparse.Namespace") -> int:
    """Say what is read, or that it cannot be."""
    from benchmarks.harness.plan.matrix_file import find_matrix, read_toml

    path = find_matrix(options.matrix)
    read_toml(path)
    print(f"reading {path} ...", flush=True)
    return 0


def _chosen(options: "argparse.Namespace") -> Callable[["argparse.Namespace"], int] | None:
    """The command, imported; None if it need not be, as its matrix is wrong, which is said."""
    from benchmarks.commands import ready

    if options.command not in RUNS:
        return ready(options.command)
    if options.command == "run" and (known := _unchanged(options)) is not None:
        return known
    # with plugins names may be theirs, and importing those takes as long as anything
    if options.plugin or _answer(_check_names, options) == 0:
        return ready(options.command)
    return None


def _unchanged(options: "argparse.Namespace") -> Callable[["argparse.Namespace"], int] | None:
    """Says what a run says that has nothing to do; None where it may have something to do."""
    from benchmarks.commands.unchanged import Unchanged

    said = Unchanged(options).said()
    return None if said is None else lambda _: print(*said, sep="\n") or 0


def _check_names(options: "argparse.Namespace") -> int:
    from benchmarks.harness.plan.checks.early import demand_known
    from benchmarks.harness.plan.matrix import load_matrix
    from benchmarks.harness.plan.registry import Registry

    demand_known(load_matrix(options.matrix), Registry())
    return 0


def _broken(error: Exception, command: str) -> int:
    """Say what the machine lacks; where that is not it, this program is wrong."""
    import errno

    written = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EBADF)
    if isinstance(error, OSError) and error.errno in written and error.filename is None:
        return _cut_off(error, command)  # what writes files names them
    lacks = (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EAGAIN)
    denies = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP)
    if os.strerror(errno.EMFILE) in _summary(error):  # as whatever a library makes of it
        say(f"reml: {os.strerror(errno.EMFILE)}; `ulimit -n` says how many there may be")
        return FAULTY
    if isinstance(error, OSError) and error.errno in (*lacks, *denies):
        say(f"reml: {f'{error.filename}: ' if error.filename else ''}{error.strerror}")
        return FAULTY
    unmapped = isinstance(error, ImportError) and "failed to map segment" in _summary(error)
    if unmapped or isinstance(error, MemoryError):
        say("reml: there is not enough memory")
        return FAULTY
    say(f"reml: internal error: {_summary(error)}; {_kept()}")
    return INTERNAL


def _cut_off(error: OSError, command: str) -> int:
    """Nothing can be written any more; `head`, say, that has seen enough is no fault."""
    silence(sys.stdout)
    if isinstance(error, BrokenPipeError) and command not in RUNS:
        return 0
    goes_on = "; the same command goes on from here" if command in RUNS else ""
    say(f"reml: the output cannot be written ({error.strerror}){goes_on}")
    return FAULTY


def _summary(error: Exception) -> str:
    try:
        from benchmarks.core.text import described
    except Exception:  # the error is that nothing can be imported
        return f"{type(error).__name__}: {error}".partition("\n")[0][:LONGEST]
    return described(error)


def _kept() -> str:
    """Where the traceback is."""
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="reml-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write(traceback.format_exc())
    except OSError as error:
        return f"its traceback could not be kept ({error.strerror})"
    return f"its traceback is in {file.name}"


class _Quick:
    """While nothing can be lost yet, Ctrl-C ends the process at once: some imports would eat it.

    Where Ctrl-C does nothing, as under nohup, it goes on doing nothing.
    """

    def __enter__(self) -> None:
        self._former = signal.getsignal(signal.SIGINT)
        self._set(_end)

    def __exit__(self, *_: object) -> None:
        self._set(self._former)

    def _set(self, handler: Any) -> None:
        if self._former not in (None, signal.SIG_IGN):
            with suppress(ValueError):  # not the main thread
                signal.signal(signal.SIGINT, handler)


class _Deaf(_Quick):
    """While the last words are said, Ctrl-C does nothing."""

    def __enter__(self) -> None:
        self._former = signal.getsignal(signal.SIGINT)
        self._set(signal.SIG_IGN)


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"reml: interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
