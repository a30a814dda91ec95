"""One trial of a search for settings: train, and be scored on validation tasks on the way."""

import math
from dataclasses import asdict
from functools import partial, wraps
from json import dumps
from pathlib import Path
from typing import Any, final

import pandas as pd

from benchmarks.core import MetaLearner, Problem, Split, TaskBatch, TaskFamily
from benchmarks.core.errors import ContractError
from benchmarks.harness.disk.columns import HISTORY_TYPES, TABLES
from benchmarks.harness.disk.tables import empty
from benchmarks.harness.evaluation.validating import Validation, looks
from benchmarks.harness.plan.checks.effects import test_shots
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import make_learner
from benchmarks.harness.trial.account import Account
from benchmarks.harness.trial.facts import unchanged
from benchmarks.harness.trial.moments import Moment
from benchmarks.harness.trial.places import demand_fields
from benchmarks.harness.trial.reporting import Log, Report
from benchmarks.harness.trial.surroundings import Surroundings, kept_state
from benchmarks.harness.trial.training import TrainingRun
from benchmarks.harness.trial.trainings import checkpoint_of
from benchmarks.harness.trial.tries.looking import GivenUp, Looking

TRAINING = 0.98
"""The share of a trial that training is taken to be."""


@final
class Trying:
    """What `run_trial` runs where the trial is one of a search. No test task is ever drawn.

    The learner is scored at ten moments of its training, as `keep = "best"` does it, on the same
    validation tasks; what it is worth is its best loss there (`keep = "last"`: its last). It is
    given up at a moment by which its best loss is above the bar of that moment.
    """

    problem: Problem

    def __init__(
        self,
        spec: TrialSpec,
        registry: Registry,
        device: str,
        report: Report,
        log: Log,
        trainings: Path | None,
    ) -> None:
        self.account = Account()
        self._spec = spec
        self._registry = registry
        self._device = device
        self._report = report
        self._log = log
        self._trainings = trainings
        self._looked: Looking | None = None
        self._given_up = False
        self._went_on: list[float] = []

    def run(self, trained: Path | None) -> None:
        del trained  # of a training that is over nobody knows how it did on the way
        spec = self._spec
        surroundings = Surroundings()
        surroundings.restore(spec.seed)
        own = spec.identity["family"]
        family = without_tests(unchanged(spec.family, self._registry, own))
        identity = dumps(own, sort_keys=True)
        self.problem = family.problem
        make = partial(make_learner, spec.learner, self._registry)
        learner = make()
        demand_fields(family, "train", spec.family.label, learner)
        asked = looks(family, spec.protocol)
        if asked is None:
            raise ContractError("there is no validation task to be scored on")
        tasks = Validation.of(family, identity, asked)

        def loss(moment: Moment) -> float:
            with kept_state():
                surroundings.restore(spec.seed)
                other = make()
                other.load_state(moment.state)
                return tasks.loss(other, self._device).mean

        def look(learner: MetaLearner) -> Looking:
            self._looked = Looking(learner, loss, spec)
            return self._looked

        run = TrainingRun(
            family,
            identity,
            spec.budget,
            spec.seed,
            needs=learner.needs,
            shots=test_shots(spec.protocol),
            device=self._device,
            on_progress=lambda part, text: self._report(TRAINING * part, text),
            on_log=self._log,
            on_news=self.account.tell,
            moments=look,
            checkpoint=checkpoint_of(self._trainings, spec, "own", self._device, []),
        )
        try:
            with self.account.training(run):
                run.run(make, "fit", "learner", spec.seed)
            assert self._looked is not None
            with self.account.validating():
                self._looked.finish(int(run.spent["tasks"]), float(run.spent["seconds"]))
        except GivenUp:
            self._given_up = True
        finally:
            self._went_on = run.went_on
            self.account.validated(self._looked.seconds if self._looked else 0.0)
        assert self._looked is not None
        if not math.isfinite(self._looked.loss):
            raise self._looked.trouble or ContractError("its loss is not finite")

    def facts(self) -> dict[str, Any]:
        """What the record says of a trial that has failed."""
        return {}

    def notes(self) -> dict[str, Any]:
        """What the record says of a trial that is done: its loss, and those on the way."""
        assert self._looked is not None
        return {
            "problem": asdict(self.problem),
            **({"went_on": self._went_on} if self._went_on else {}),
            "tried": {
                "given_up": self._given_up,
                "loss": self._looked.loss,
                "losses": self._looked.losses,
                "moments": self._looked.moments,
            },
        }

    def tables(self) -> dict[str, pd.DataFrame]:
        """The training curve; there is nothing else that a test would have."""
        assert self._looked is not None
        history = pd.concat([self.account.history, self._looked.curve], ignore_index=True)
        nothing = {name: empty(types) for name, types in TABLES.items()}
        return {**nothing, "history": history.astype(HISTORY_TYPES)}


def without_tests(family: TaskFamily) -> TaskFamily:
    """The family, which from now on has no test tasks: to ask for one is a `ContractError`."""
    sample = family.sample

    @wraps(sample)
    def refusing(n_tasks: int, split: Split, *arguments: Any, **named: Any) -> TaskBatch:
        if split == "test":
            raise ContractError("a test task was asked for while settings were searched")
        return sample(n_tasks, split, *arguments, **named)

    object.__setattr__(family, "sample", refusing)
    return family
