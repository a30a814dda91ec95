"""A run without a report."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.local import LocalEngine, modules_of
from benchmarks.harness.run.progress import PlainProgress
from benchmarks.harness.run.scheduler import run_trials
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.results import consolidate


@pytest.fixture(scope="session")
def go() -> Callable[..., ResultsFolder]:
    """Runs what of a matrix is not done yet, in worker processes."""

    def run(
        matrix: Path,
        registry: Registry,
        out: Path,
        jobs: int = 2,
        *,
        anew: bool = False,
        commit: str | None = None,
    ) -> ResultsFolder:
        loaded = load_matrix(str(matrix))
        trials = expand(loaded, registry)
        folder = ResultsFolder(out)
        with folder.open(describe(loaded, trials)):
            left = [t for t in trials if (folder.record(t.id) or {}).get("status") != "done"]
            with PlainProgress(left, jobs) as progress:
                origin = {"started": "", "commit": commit, "dirty": False}
                run_trials(
                    left,
                    folder,
                    registry,
                    progress,
                    engine=LocalEngine(jobs, modules_of(left, registry)),
                    device="cpu",
                    provenance=origin,
                    done=[trial for trial in trials if trial not in left],
                    anew=anew,
                )
            consolidate(out)
        return folder

    return run
