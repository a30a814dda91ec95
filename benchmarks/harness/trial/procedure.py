"""The procedure of one trial: what it does for its protocol, and what that has cost."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from json import dumps
from pathlib import Path
from typing import Any, final

import pandas as pd

from benchmarks.core import Budget, MetaLearner, Problem, State, generator_of
from benchmarks.core.errors import ContractError, StoreError
from benchmarks.core.protocol import Change, Place
from benchmarks.core.text import described
from benchmarks.harness.disk.columns import HISTORY_TYPES
from benchmarks.harness.evaluation.choosing import choose_steps
from benchmarks.harness.evaluation.evaluator import Evaluation, evaluate
from benchmarks.harness.evaluation.predictions import says_how_sure
from benchmarks.harness.evaluation.tested import Scored, fit_reference, numbered, with_gains
from benchmarks.harness.plan.checks.effects import test_shots
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import make_learner
from benchmarks.harness.trial.account import Account
from benchmarks.harness.trial.facts import count_numbers, told_of
from benchmarks.harness.trial.keeping import choose
from benchmarks.harness.trial.moments import Moment, Moments
from benchmarks.harness.trial.packing import on_cpu, pack
from benchmarks.harness.trial.places import Ground, demand_told, grounds_of
from benchmarks.harness.trial.references import SCORED, scored_once
from benchmarks.harness.trial.reporting import Log, Report, no_log
from benchmarks.harness.trial.surroundings import Surroundings
from benchmarks.harness.trial.training import TrainingRun, naming_then
from benchmarks.harness.trial.trainings import Training, checkpoint_of, load

TRAINING = 0.98
"""The share of a trial that training is taken to be."""


@final
class Procedure:
    """What a protocol asks of its trial (`core.protocol.Trial`), and what it has spent so far.

    Attributes:
        training: what training on the first family made of the learner, whatever came then; other
            trials with the same training take it over.
        state: which of the states of that training is tested.
        account: what was spent so far, and the history.
    """

    evaluation: Evaluation
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
        trainings: Path | None = None,
    ) -> None:
        """`keep` is told of the training as soon as it is over; see `run_trial` for the rest."""
        self._spec = spec
        self._registry = registry
        self._device = device
        self._report = report
        self._keep = keep
        self._references = references
        self._log = log
        self._trainings = trainings
        self._surroundings = Surroundings()
        self.account = Account()
        self._runs: list[TrainingRun] = []
        self._chosen: dict[str, Any] = {}

    def run(self, trained: Path | None) -> None:
        spec = self._spec
        self._trained = trained
        self._surroundings.restore(spec.seed)
        self._grounds = grounds_of(spec, self._registry)
        self.problem = self._ground(spec.protocol.tests_on[0]).family.problem
        self.learner = make_learner(spec.learner, self._registry)
        demand_told(spec, self._grounds, self.learner)
        try:
            outcome = spec.protocol.run(self)
        finally:
            self.account.demand_sound()
        if not hasattr(self, "training"):
            raise ContractError(f"protocol {spec.protocol.name!r} trains nobody")
        first = (spec.fold or 0) * spec.protocol.tasks
        self.evaluation = numbered(with_gains(outcome, spec.protocol, self.problem), first)

    def train(self) -> None:
        spec = self._spec
        if self._trained is None or not self._take_over(self._trained):
            self._train()
        self._keep(self.training)  # only then is it known to be a nest that ends
        self.account.parameters = count_numbers(self.training.state)
        self.account.adapted = getattr(self.learner, "adapted_parameters", None)
        self._keep_best()
        self._surroundings.restore(spec.seed)

    def carry_on(self) -> None:
        spec = self._spec
        if spec.then is None or not hasattr(self, "training"):
            raise ContractError(f"protocol {spec.protocol.name!r} has nothing to carry on with")

        def make() -> MetaLearner:
            # whether the state was taken over or not, the learner carries on from the same
            learner = make_learner(spec.learner, self._registry)
            learner.load_state(on_cpu(self.state))
            return learner

        self._train_on("other", spec.then, make, "learner", "then", spec.seed)
        self._surroundings.restore(spec.seed)

    def choose(self) -> None:
        own = self._ground("own")
        with self.account.testing():
            self._chosen |= choose_steps(
                self.learner,
                own.family,
                own.identity,
                self._spec.protocol,
                device=self._device,
                on_progress=lambda fraction: self._report(TRAINING, "choosing the number of steps"),
            )
            if self.problem.kind == "regression":
                probe = own.family.sample(1, "train", generator_of("probe"), shots=1, queries=1)
                shown = probe.showing(self.learner.needs).to(self._device).support
                sure = says_how_sure(
                    self.learner, shown, self._spec.protocol.steps[0], own.family.problem
                )
                self._chosen["spread"] = "own" if sure else "residual"

    def test(
        self, on: Place = "own", *, change: Change | None = None, whole: bool = True
    ) -> Scored:
        found = self._test(self.learner, on, change=change, scores_only=not whole)
        return Scored(found, self.problem.metric)

    def reference(self, on: Place = "own") -> Scored:
        """Worked out once for all trials of a run that ask."""
        spec, ground = self._spec, self._ground(on)
        entry = spec.reference
        if entry is None:
            raise ContractError(f"protocol {spec.protocol.name!r} has no reference")

        def score() -> Evaluation:
            reference = make_learner(entry, self._registry)
            fit_reference(reference, ground.family, spec.seed, self._device)
            return self._test(reference, on, scores_only=True)

        how = spec.protocol.model_dump(mode="json", include={*SCORED})
        key = [ground.identity, spec.identity["protocol"]["reference"], how, spec.seed]
        place = dumps([*key, self._device], sort_keys=True)
        return Scored(scored_once(self._references, place, score), self.problem.metric)

    def _ground(self, place: Place) -> Ground:
        if place not in self._grounds:
            raise ContractError(f"protocol {self._spec.protocol.name!r} has no family {place!r}")
        return self._grounds[place]

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
        self.training, self.account.history = training, training.history
        self.account.runs.append(training.spent)
        return True

    def _train(self) -> None:
        spec = self._spec
        make = partial(make_learner, spec.learner, self._registry)
        moments = self._train_on("own", spec.budget, make, "learner", spec.seed)
        state, spent = self.learner.state(), self.account.runs[0]
        ways: tuple[Moment, ...] = ()
        if moments is not None and spent["tasks"]:
            ways = (*moments.seen, Moment(spent["tasks"], spent["seconds"], pack(state)))
        self.training = Training(state, self.account.history, spent, spec.id, moments=ways)

    def _keep_best(self) -> None:
        """Of the states of the training, go on with the one that is to be tested."""
        spec = self._spec

        def make(moment: Moment) -> MetaLearner:
            self._surroundings.restore(spec.seed)
            learner = make_learner(spec.learner, self._registry)
            learner.load_state(moment.state)
            return learner

        with self.account.validating():
            found = choose(
                spec,
                self.training,
                self._ground("own").family,
                make,
                device=self._device,
                place=self._references,
                say=lambda text: self._report(TRAINING / len(spec.protocol.trains_on), text),
            )
            self.account.validated(found.seconds)
        self._chosen |= found.notes
        history = pd.concat([self.account.history, found.curve], ignore_index=True)
        self.account.history = history.astype(HISTORY_TYPES)
        self.state = self.training.state
        if found.moment is not None and found.moment is not self.training.moments[-1]:
            self.learner, self.state = make(found.moment), found.moment.state

    def _train_on(
        self, place: Place, budget: Budget, make: Callable[[], MetaLearner], *names: object
    ) -> Moments | None:
        """Train, and add to the history and to what is spent; also what is spent on a failure."""
        spec, ground, number = self._spec, self._ground(place), len(self.account.runs)
        each = TRAINING / len(spec.protocol.trains_on)
        run = TrainingRun(
            ground.family,
            ground.identity,
            budget,
            spec.seed,
            needs=self.learner.needs,
            shots=test_shots(spec.protocol),
            device=self._device,
            on_progress=lambda part, text: self._report(each * (number + part), text),
            on_log=naming_then(self._log) if number else self._log,
            on_news=self.account.tell,
            moments=Moments.of if spec.keep == "best" and not number else None,
            checkpoint=checkpoint_of(self._trainings, spec, place, self._device, self.account.runs),
        )
        self._runs.append(run)
        with self.account.training(run):
            run.run(make, "partial_fit" if number else "fit", *names)
        self.learner = run.learner
        return run.moments

    def _test(
        self,
        learner: MetaLearner,
        on: Place,
        *,
        change: Change | None = None,
        scores_only: bool = False,
    ) -> Evaluation:
        ground = self._ground(on)
        with self.account.testing():
            return evaluate(
                learner,
                ground.family,
                ground.identity,
                self._spec.protocol,
                device=self._device,
                on_progress=lambda it: self._report(1 - (1 - TRAINING) * (1 - it), "evaluating"),
                change=change,
                scores_only=scores_only,
                residuals=self._chosen.get("residuals"),
            )

    def facts(self) -> dict[str, Any]:
        """What the record says of a trial that has failed: a learner that is there can be asked."""
        facts = {"problem": asdict(self.problem)} if hasattr(self, "training") else {}
        return {**facts, **self._went_on()}

    def _went_on(self) -> dict[str, Any]:
        """At which shares of their budget trainings that had been cut off went on."""
        shares = [share for run in self._runs for share in run.went_on]
        return {"went_on": shares} if shares else {}

    def notes(self) -> dict[str, Any]:
        """What the record says of a trial that is done, beside its spending."""
        told = told_of(self._spec, {place: it.family for place, it in self._grounds.items()})
        notes = {
            **told,
            "problem": asdict(self.problem),
            **self._chosen,
            **self._went_on(),
            "transductive": bool(getattr(self.learner, "transductive", False)),
        }
        if len(self.account.runs) > 1:
            notes["first_spending"] = dict(self.account.runs[0])
        return notes
