"""A results folder with half its trials, a small one to be damaged, and what puts trials there."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Matrix, load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder, seal
from benchmarks.harness.store.results import consolidate
from benchmarks.harness.trial.trial import run_trial

SMALL = """
name = "tiny"
seeds = 2

[budget]
tasks = 100

[[protocol]]
kind = "few_shot"
shots = [2]
steps = [0, 1]
tasks = 5

[[family]]
name = "sinusoid"

[[learner]]
name = "mean"
"""
Put = Callable[[ResultsFolder, TrialSpec, Registry], None]


@pytest.fixture(scope="session")
def origin() -> Mapping[str, Any]:
    return {"started": "2025-01-01", "commit": "abc", "dirty": False, "command": "reml run tiny"}


@pytest.fixture(scope="session")
def put(origin: Mapping[str, Any]) -> Put:
    """Trains and tests, and stores what came of it."""

    def put(folder: ResultsFolder, trial: TrialSpec, registry: Registry) -> None:
        place = folder.begin(trial.id)
        run_trial(trial, registry, place, provenance=origin)
        folder.commit(place, trial.id)

    return put


@pytest.fixture
def matrix(write_matrix: Callable[..., Path]) -> Matrix:
    return load_matrix(str(write_matrix('name = "guess"\nlabel = "z"', "told", "raises")))


@pytest.fixture(scope="session")
def half_done() -> dict[str, Path]:
    """Where it is, once somebody has made it."""
    return {}


@pytest.fixture
def folder(
    matrix: Matrix,
    registry: Registry,
    put: Put,
    half_done: dict[str, Path],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> ResultsFolder:
    """Seeds 0 are run, seeds 1 are missing."""
    trials = expand(matrix, registry)
    if not half_done:
        made = ResultsFolder(tmp_path_factory.mktemp("half-done"))
        with made.open(describe(matrix, trials)):
            for trial in reversed(trials):
                if trial.seed == 0:
                    put(made, trial, registry)
        half_done["place"] = made.directory
    return ResultsFolder(Path(shutil.copytree(half_done["place"], tmp_path / "results")))


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory, origin: Mapping[str, Any]) -> Path:
    """Two trials that are done, consolidated."""
    top = tmp_path_factory.mktemp("damage")
    (top / "tiny.toml").write_text(SMALL)
    matrix, registry = load_matrix(str(top / "tiny.toml")), Registry()
    trials = expand(matrix, registry)
    folder = ResultsFolder(top / "out")
    with folder.open(describe(matrix, trials)):
        for trial in trials:
            place = folder.begin(trial.id)
            run_trial(trial, registry, place, provenance=origin)
            seal(place)
            folder.commit(place, trial.id)
        consolidate(folder.directory)
    return folder.directory


@pytest.fixture
def out(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "out"))
