"""Trials of learners that can go on."""

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
from cutting_off import HEAD, LEARNERS, MATRIX, Cut, Go, in_child

from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.trial.trial import run_trial


@pytest.fixture
def plugins(plugin: Path) -> Registry:
    return Registry([plugin.with_name("goers.py")])


@pytest.fixture
def trial(write_matrix: Callable[..., Path], plugins: Registry) -> Callable[[str], TrialSpec]:
    def make(learner: str) -> TrialSpec:
        matrix = load_matrix(str(write_matrix(LEARNERS[learner], head=HEAD)), plugins)
        return next(it for it in expand(matrix, plugins) if it.family.label == "one")

    return make


@pytest.fixture
def go(trial: Callable[[str], TrialSpec], tmp_path: Path, plugins: Registry) -> Go:
    def run(learner: str, name: str, report: Cut, kept: str = "kept") -> dict[str, Any]:
        for folder in (name, kept):
            (tmp_path / folder).mkdir(exist_ok=True)
        spec = trial(learner)
        trained = tmp_path / kept / spec.training
        return run_trial(
            spec,
            plugins,
            tmp_path / name,
            report=report,
            trained=trained if trained.is_dir() else None,
            trainings=tmp_path / kept,
            interruptible=True,
        )

    return run


@pytest.fixture
def run_of(tmp_path: Path, plugin: Path) -> Callable[..., list[str]]:
    """The words of a run of one trial."""
    (tmp_path / "cut.toml").write_text(MATRIX)

    def words(out: str, *more: str) -> list[str]:
        where = ["--out", str(tmp_path / out), "--no-figures"]
        plugins = ["--plugin", str(plugin.with_name("goers.py"))]
        return ["run", str(tmp_path / "cut.toml"), *plugins, *where, *more]

    return words


@pytest.fixture
def forked(
    tmp_path: Path, run_of: Callable[..., list[str]]
) -> Iterator[Callable[..., multiprocessing.process.BaseProcess]]:
    """Starts runs in processes forked from one that has a server of workers itself."""
    forkserver.ensure_running()
    started: list[multiprocessing.process.BaseProcess] = []

    def run(out: str, *more: str) -> multiprocessing.process.BaseProcess:
        process = multiprocessing.get_context("fork").Process(
            target=in_child, args=(run_of(out, *more), tmp_path / "log")
        )
        process.start()
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.join()
