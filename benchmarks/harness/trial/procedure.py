"""The course of one trial: train, take over or carry on, and test as its protocol says."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.core import Budget, MetaLearner, Problem, Split, State, TaskFamily, generator_of
from benchmarks.core.errors import Cannot, StoreError
from benchmarks.core.text import described
from benchmarks.harness.evaluation.choosing import choose_steps
from benchmarks.harness.evaluation.comparing import fit_reference, with_both, with_reference
from benchmarks.harness.evaluation.evaluator import Evaluation, evaluate
from benchmarks.harness.evaluation.task_names import held_out
from benchmarks.harness.plan.effects import test_shots
from benchmarks.harness.plan.expand import TrialSpec
from benchmarks.harness.plan.matrix import Entry
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import make_learner
from benchmarks.harness.trial.facts import count_numbers, unchanged
from benchmarks.harness.trial.keeping import choose
from benchmarks.harness.trial.moments import Moment, Moments
from benchmarks.harness.trial.packing import on_cpu, pack
from benchmarks.harness.trial.references import SCORED, scored_once
from benchmarks.harness.trial.surroundings import Surroundings
from benchmarks.harness.trial.training import HISTORY_TYPES, THEN, Stretch, together
from benchmarks.harness.trial.trainings import Training, load

Report = Callable[[float, str], None]
"""Called with the fraction of the trial that is done and the latest numbers."""
Log = Callable[[int, Mapping[str, float]], None]
"""Called with the training tasks drawn so far and what the learner logged of them, by its name."""


def no_log(tasks: int, metrics: Mapping[str, float]) -> None: ...


class Course:
    """The steps of one trial, and what it has spent so far.

    Attributes:
        training: what training on the first family made of the learner, whatever came then; other
            trials with the same training take it over.
        state: which of the states of that training is tested.
        trained_with: the provenance of training, where it was taken over.
    """

    evaluation: Evaluation
    history: pd.DataFrame
    problem: Problem
    learner: MetaLearner
    training: Training
    state: State

    def __init__(
        self,
        spec: TrialSpec,
        registry: Registry,
        device: str,
        report: Report,
        keep: Callable[[Training], None] = lambda training: None,
        references: Path | None = None,
        log: Log = no_log,
    ) -> None:
        """`keep` is told of the training as soon as it is over; see `run_trial` for the rest."""
        self._spec = spec
        self._registry = registry
        self._device = device
        self._report = report
        self._keep = keep
        self._references = references
        self._log = log
        self._surroundings = Surroundings()
        self._stretch: Stretch | None = None
        self._spent: list[Mapping[str, Any]] = []
        self._evaluate_seconds = self._validation_seconds = 0.0
        self._parameters: int | None = None
        self._adapted: int | None = None

    def run(self, trained: Path | None) -> None:
        spec = self._spec
        self._surroundings.restore(spec.seed)
        self._family = unchanged(spec.family, self._registry, spec.identity["family"])
        self._identity = dumps(spec.identity["family"], sort_keys=True)
        self._tested, self._tested_identity = self._family, self._identity
        if spec.other is not None:
            other = spec.identity["protocol"]["other"]
            self._tested = unchanged(spec.other, self._registry, other)
            self._tested_identity = dumps(other, sort_keys=True)
        self.problem = (self._tested if spec.then is None else self._family).problem
        self.learner = make_learner(spec.learner, self._registry)
        self._demand_possible()
        if trained is None or not self._take_over(trained):
            self._train()
        self._keep(self.training)  # only then is it known to be a nest that ends
        self._parameters = count_numbers(self.training.state)
        self._adapted = getattr(self.learner, "adapted_parameters", None)
        self._chosen: dict[str, Any] = {}
        self._keep_best()
        self._surroundings.restore(spec.seed)
        if spec.then is None:
            self._choose()
            self.evaluation = self._test(self.learner)
            if spec.reference is not None:
                self.evaluation = with_reference(
                    self.evaluation, self._scratch(), self.problem, spec.protocol
                )
        else:
            self._carry_on(spec.then)
        self.evaluation = self._numbered(self.evaluation)

    def _numbered(self, evaluation: Evaluation) -> Evaluation:
        """Tasks of different folds have different numbers."""
        first = (self._spec.fold or 0) * self._spec.protocol.tasks
        if not first:
            return evaluation
        tables = evaluation._asdict().items()
        shifted = {k: it.assign(task=it["task"] + first) for k, it in tables if "task" in it}
        return evaluation._replace(**shifted)

    def _demand_possible(self) -> None:
        """Find out before training whether families tell the learner what it needs.

        Raises:
            Cannot: one does not.
        """
        spec, needs = self._spec, self.learner.needs
        if not needs:
            return
        split = spec.protocol.split
        places: list[tuple[Entry, TaskFamily, Split]] = [(spec.family, self._family, "train")]
        places.append((spec.other or spec.family, self._tested, split))
        if spec.then is not None and spec.other is not None:
            places += [(spec.family, self._family, split), (spec.other, self._tested, "train")]
        for entry, family, part in places:
            batch = family.sample(1, part, generator_of("probe"), shots=1, queries=1)
            if missing := sorted(needs - batch.support.privileged.keys()):
                raise Cannot(f"needs {' and '.join(missing)}, which {entry.label} does not tell")

    def _train(self) -> None:
        spec = self._spec
        share = 0.98 if spec.then is None else 0.48
        moments = Moments(self.learner.state) if spec.keep == "best" else None
        stretch = self._new_stretch(
            self._family, self._identity, spec.budget, 0, share, self._log, moments
        )
        stretch.run(self.learner.fit, generator_of("learner", spec.seed))
        self.history = stretch.history
        self._end_stretch()
        state, spent = self.learner.state(), self._spent[0]
        ways: tuple[Moment, ...] = ()
        if moments is not None and spent["tasks"]:
            ways = (*moments.seen, Moment(spent["tasks"], spent["seconds"], pack(state)))
        self.training = Training(state, self.history, spent, spec.id, moments=ways)

    def _take_over(self, place: Path) -> bool:
        """Learner, history and spending of a training that was kept; whether it is sound."""
        try:
            training = load(place)
            if self._spec.keep == "best" and training.spent["tasks"] and not training.moments:
                raise StoreError("it has no states of the way")
            self.learner.load_state(training.state)
        except Exception as error:
            print(f"{place}: trained anew, as it cannot be used ({described(error)})", flush=True)
            self.learner = make_learner(self._spec.learner, self._registry)
            return False
        self.training, self.history = training, training.history
        self._spent.append(training.spent)
        return True

    def _keep_best(self) -> None:
        """Of the states of the training, go on with the one that is to be tested."""
        spec = self._spec

        def make(moment: Moment) -> MetaLearner:
            self._surroundings.restore(spec.seed)
            learner = make_learner(spec.learner, self._registry)
            learner.load_state(moment.state)
            return learner

        found = choose(
            spec,
            self.training,
            self._family,
            make,
            device=self._device,
            place=self._references,
            say=lambda text: self._report(0.98 if spec.then is None else 0.48, text),
        )
        self._validation_seconds += found.seconds
        self._chosen |= found.notes
        self.history = pd.concat([self.history, found.curve], ignore_index=True)
        self.history = self.history.astype(HISTORY_TYPES)
        self.state = self.training.state
        if found.moment is not None and found.moment is not self.training.moments[-1]:
            self.learner, self.state = make(found.moment), found.moment.state

    def _carry_on(self, budget: Budget) -> None:
        """Test on both families, train on the second one, and test on both again."""
        spec, registry = self._spec, self._registry
        others = {
            "before": self._test(self.learner, first=True, scores_only=True),
            "unseen": self._test(self.learner, scores_only=True),
            "scratch": self._scratch(),
        }
        # whether the state was taken over or not, the learner carries on from the same
        self.learner = make_learner(spec.learner, registry)
        self.learner.load_state(on_cpu(self.state))
        stretch = self._new_stretch(
            self._tested,
            self._tested_identity,
            budget,
            0.49,
            0.98,
            lambda tasks, metrics: self._log(tasks, {f"{k}{THEN}": v for k, v in metrics.items()}),
        )
        stretch.run(self.learner.partial_fit, generator_of("learner", "then", spec.seed))
        then = stretch.history.assign(metric=lambda rows: rows["metric"] + THEN)
        self.history = pd.concat([self.history, then], ignore_index=True).astype(HISTORY_TYPES)
        self._end_stretch()
        self._surroundings.restore(spec.seed)
        others["then"] = self._test(self.learner, scores_only=True)
        self._choose()
        after = self._test(self.learner, first=True)
        self.evaluation = with_both(after, others, self.problem, spec.protocol)

    def _new_stretch(
        self,
        family: TaskFamily,
        identity: str,
        budget: Budget,
        start: float,
        end: float,
        log: Log,
        moments: Moments | None = None,
    ) -> Stretch:
        self._stretch = Stretch(
            family,
            identity,
            budget,
            self._spec.seed,
            needs=self.learner.needs,
            shots=test_shots(self._spec.protocol),
            device=self._device,
            on_progress=lambda part, text: self._report(start + (end - start) * part, text),
            on_log=log,
            moments=moments,
        )
        return self._stretch

    def _end_stretch(self) -> None:
        assert self._stretch is not None
        self._spent.append(self._stretch.spent)
        self._stretch = None

    def _scratch(self) -> Evaluation:
        """What the reference scores on the tasks of the test; once for all trials that ask."""
        spec = self._spec
        assert spec.reference is not None
        entry = spec.reference

        def score() -> Evaluation:
            reference = make_learner(entry, self._registry)
            fit_reference(reference, self._tested, spec.seed, self._device)
            return self._test(reference, scores_only=True)

        how = spec.protocol.model_dump(mode="json", include={*SCORED})
        key = [self._tested_identity, spec.identity["protocol"]["reference"], how, spec.seed]
        return scored_once(self._references, dumps([*key, self._device], sort_keys=True), score)

    def _choose(self) -> None:
        """On the family that was trained on, whatever is tested: of others nothing is known yet."""
        started = time.perf_counter()
        self._chosen |= choose_steps(
            self.learner,
            self._family,
            self._identity,
            self._spec.protocol,
            device=self._device,
            on_progress=lambda fraction: self._report(0.98, "choosing the number of steps"),
        )
        self._evaluate_seconds += time.perf_counter() - started

    def _test(
        self, learner: MetaLearner, *, first: bool = False, scores_only: bool = False
    ) -> Evaluation:
        """Score a learner, where there are two families on the second unless told otherwise."""
        started = time.perf_counter()
        evaluation = evaluate(
            learner,
            self._family if first else self._tested,
            self._identity if first else self._tested_identity,
            self._spec.protocol,
            device=self._device,
            on_progress=lambda fraction: self._report(0.98 + 0.02 * fraction, "evaluating"),
            scores_only=scores_only,
        )
        self._evaluate_seconds += time.perf_counter() - started
        return evaluation

    def spending(self) -> dict[str, Any]:
        stretches = [*self._spent, *([self._stretch.spent] if self._stretch else [])]
        return {
            **together(stretches),
            "evaluate_seconds": self._evaluate_seconds,
            "validation_seconds": self._validation_seconds,
            "parameters": self._parameters,
            "adapted_parameters": self._adapted,
        }

    def known(self) -> dict[str, Any]:
        """What the record says of a trial that has failed: a learner that is there can be asked."""
        return {"problem": asdict(self.problem)} if hasattr(self, "training") else {}

    def notes(self) -> dict[str, Any]:
        """What the record says of a trial that is done, beside its spending."""
        spec, protocol = self._spec, self._spec.protocol
        tested = [self._tested] if spec.then is None else [self._family, self._tested]
        notes: dict[str, Any] = {
            "left_out": {
                str(k): sum(it.left_out(protocol.split, k) for it in tested) for k in protocol.shots
            },
            "left_out_train": {},
            "dropped_rows": sum(getattr(it, "dropped_rows", 0) for it in tested),
            "problem": asdict(self.problem),
            **self._chosen,
            "held_out": held_out(tested[0]),
            "grouped_by": getattr(tested[0], "grouped_by", ""),
            "transductive": bool(getattr(self.learner, "transductive", False)),
        }
        if spec.other is None:
            notes["left_out_train"] = {
                str(k): self._family.left_out("train", k) for k in protocol.shots
            }
        if spec.then is not None:
            notes["first_spending"] = dict(self._spent[0])
        return notes
