"""A matrix of learners whose best settings are known, and its search in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.harness.disk.columns import TUNING_TYPES
from benchmarks.harness.disk.files import write_json
from benchmarks.harness.disk.tables import empty
from benchmarks.harness.plan.expand import arrange
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder, seal
from benchmarks.harness.store.reading import tuning_in
from benchmarks.harness.trial.trial import blank_record, run_trial
from benchmarks.harness.tuning.studies import plan_of
from benchmarks.harness.tuning.tuner import Tuner

HEAD = """
name = "tuned"
seeds = 1
budget = {{ tasks = 100 }}
tuning = {tuning}

[[protocol]]
kind = "few_shot"
shots = [2]
steps = [0]
tasks = 10
queries = 5

[[family]]
name = "{family}"
"""


class Bench:
    """A matrix, and a folder to search its settings in.

    Attributes:
        run: the ids of the trials that were run, in order.
        most: so many, then the run is interrupted.
        dying: by id, the reason for which a trial's process dies when it is run next.
    """

    def __init__(self, path: Path, registry: Registry, out: Path) -> None:
        self.path, self.registry, self.out = path, registry, out
        self.run: list[str] = []
        self.most = 10**6
        self.dying: dict[str, str] = {}

    def write(
        self, *learners: str, tuning: str = "{ trials = 10 }", family: str = "sinusoid"
    ) -> "Bench":
        tables = [it if "=" in it else f'name = "{it}"' for it in learners]
        head = HEAD.format(tuning=tuning, family=family)
        self.path.write_text(head + "".join(f"\n[[learner]]\n{it}\n" for it in tables))
        return self

    def tuner(self) -> Tuner:
        matrix = load_matrix(str(self.path), self.registry)
        plan = plan_of(matrix, arrange(matrix, self.registry), self.registry)
        there = self.out.is_dir()
        known = tuning_in(self.out) if there else empty(TUNING_TYPES)
        return Tuner(plan, self.out, self.registry, known)

    def search(self, tuner: Tuner | None = None) -> Tuner:
        self.out.mkdir(exist_ok=True)
        tuner = tuner or self.tuner()
        tuner.search(tuner.studies, self._run, lambda: None, lambda said: None)
        return tuner

    def _run(self, specs: list[TrialSpec], folder: ResultsFolder) -> None:
        for spec in specs:
            if len(self.run) >= self.most:
                raise KeyboardInterrupt
            self.run.append(spec.id)
            place = folder.begin(spec.id)
            run_trial(spec, self.registry, place)
            if reason := self.dying.pop(spec.id, ""):
                failed = {**blank_record(spec, {}), "status": "failed", "reason": reason}
                write_json(place / "trial.json", failed)
            seal(place)
            folder.commit(place, spec.id)


@pytest.fixture(scope="session")
def knobs() -> Path:
    return Path(__file__).with_name("learners.py")


@pytest.fixture
def bench(tmp_path: Path, knobs: Path) -> Bench:
    return Bench(tmp_path / "m.toml", Registry([knobs]), tmp_path / "out")


@pytest.fixture
def another(tmp_path: Path, knobs: Path) -> Callable[[str], Bench]:
    """One with the same matrix and another folder."""
    return lambda name: Bench(tmp_path / "m.toml", Registry([knobs]), tmp_path / name)
