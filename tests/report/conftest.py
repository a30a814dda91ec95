"""Results to report on: synthetic ones, and those of a small run."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from synthetic import build, records_of

from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.results import Results, consolidate
from benchmarks.harness.trial.trial import run_trial
from benchmarks.report.figures.view import FigureModule, View
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.summary import summarise


@pytest.fixture(scope="session")
def make_results() -> Callable[..., Results]:
    """Asked twice for the same, it gives the same object, which nobody may change."""
    made: dict[str, Results] = {}

    def make(*learners: Sequence[str], **wanted: object) -> Results:
        key = repr((learners, sorted(wanted.items())))
        if key not in made:
            made[key] = build(*learners, **wanted)
        return made[key]

    return make


@pytest.fixture(scope="session")
def draw() -> Callable[..., Figure | None]:
    """The first figure that a module makes of a comparison; None where it has nothing to show."""

    def first(
        module: FigureModule, results: Results, of: Comparison | None = None
    ) -> Figure | None:
        view = View(results, summarise(results)[0] if of is None else of)
        return next((it.draw() for it in module.pictures(view)), None)

    return first


@pytest.fixture(scope="session")
def records() -> Callable[[Results], list[dict[str, object]]]:
    return records_of


MIXED = """
name = "mixed"
seeds = 2

[budget]
tasks = 8

[[protocol]]
kind = "few_shot"
shots = [1, 2]
steps = [0, 3]
tasks = 12
queries = 9

[[family]]
name = "digits"

[[family]]
name = "sinusoid"

[[learner]]
name = "nearest"
families = ["digits"]

[[learner]]
name = "centring"
families = ["digits"]

[[learner]]
name = "mean"
families = ["sinusoid"]
"""
CLASSIFIERS = Path(__file__).parents[1] / "harness" / "plugins" / "classifiers.py"


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Results of a small run on digits, where one learner is transductive, and on sinusoids."""
    directory = tmp_path_factory.mktemp("mixed")
    (directory / "mixed.toml").write_text(MIXED)
    matrix = load_matrix(str(directory / "mixed.toml"))
    registry = Registry([CLASSIFIERS])
    folder = ResultsFolder(directory / "results")
    trials = expand(matrix, registry)
    with folder.open(describe(matrix, trials)):
        for trial in trials:
            place = folder.begin(trial.id)
            run_trial(trial, registry, place)
            folder.commit(place, trial.id)
    return consolidate(folder.directory)
