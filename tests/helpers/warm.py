"""`reml` in processes of its own that start at once: forked from this process's server of workers.

That has imported what a run needs and nothing of the tests. A new interpreter would take five
seconds of processor time to get there, and so would the server of workers that a run starts: that
is forked, too. All else is as where `python -m reml` is typed.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver, util
from pathlib import Path
from typing import Any

from benchmarks.harness.run import local

ROOT = Path(__file__).parents[2]
MODULES = (
    *("benchmarks.unswept", "torch", "torch._dynamo", "benchmarks.harness.run.keeper"),
    "benchmarks.commands.run",
    *("benchmarks.harness.tuning.tuner", "benchmarks.report.documents.index", "baselines.maml"),
    *("benchmarks.tasks.sinusoid", "reml.learner", "sklearn.cluster"),
)


def prepare() -> None:
    """Whatever run of this process starts the server first, it knows all of this."""
    given = forkserver.set_forkserver_preload
    forkserver.set_forkserver_preload = lambda names: given([*dict.fromkeys([*names, *MODULES])])
    given(list(MODULES))


class Command:
    """A command line of `reml` that runs, in a session of its own."""

    def __init__(
        self,
        arguments: Sequence[str],
        cwd: Path,
        path: Sequence[str] = (),
        script: Path = ROOT / "reml" / "__main__.py",
    ) -> None:
        """`path` is where Python is told to look for modules, too; `script` what runs instead."""
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        logs = [Path(self._folder.name) / name for name in ("said", "complained")]
        for log in logs:
            log.touch()
        self._said, self._complained = logs
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *path])}
        self._process: Any = multiprocessing.get_context("forkserver").Process(
            target=_run, args=(script, list(arguments), cwd, environment, logs)
        )
        with local._no_main():
            self._process.start()
        self.pid: int = self._process.pid

    def __enter__(self) -> "Command":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._folder.cleanup()

    @property
    def said(self) -> str:
        return self._said.read_text(errors="replace")

    @property
    def complained(self) -> str:
        return self._complained.read_text(errors="replace")

    def poll(self) -> int | None:
        code: int | None = self._process.exitcode
        return code

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """And see it dead."""
        self._process.kill()
        self._process.join()

    def wait(self, seconds: float) -> int:
        """Its exit code."""
        self._process.join(seconds)
        code = self.poll()
        assert code is not None, f"runs after {seconds} s:\n{self.said}{self.complained}"
        return code


def _run(
    script: Path,
    arguments: list[str],
    cwd: Path,
    environment: Mapping[str, str],
    logs: Sequence[Path],
) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [str(cwd), *environment["PYTHONPATH"].split(os.pathsep)]
    sys.argv = [str(script), *arguments]
    for number, log in enumerate(logs, 1):
        with log.open("w") as file:
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
    util.spawnv_passfds = _forked
    forkserver._forkserver.__init__()  # a server of its own, while there are no threads
    local._context(MODULES)
    forkserver.ensure_running()
    try:
        runpy.run_path(str(script), run_name="__main__")
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _forked(program: bytes, arguments: Sequence[str], keep: Sequence[int]) -> int:
    """Starts a server of `multiprocessing` (`spawnv_passfds`) without a new interpreter."""
    if pid := os.fork():
        return pid
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        kept = sorted({0, 1, 2, *keep})
        for low, high in zip(kept, [*kept[1:], os.sysconf("SC_OPEN_MAX")], strict=True):
            os.closerange(low + 1, high)
        exec(arguments[-1], {})
    finally:
        os._exit(0)
