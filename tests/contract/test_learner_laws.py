"""Each law catches a learner that breaks it."""

import os
import random
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest
import torch

from benchmarks.core import Choice, Diagnosis, Spread, task_mse
from benchmarks.core.errors import UserError
from benchmarks.testing import check_learner
from benchmarks.testing.learners import LAWS_BY_KIND


@dataclass
class Good:
    """A linear model that is meta-trained by gradient descent and adapts its weights."""

    rate: float = 0.1
    name = "good"
    presets: ClassVar = {}
    test_fields: ClassVar = {}
    needs = frozenset()

    def fit(self, source, generator):
        shape = source.problem.features, source.problem.outputs
        self.weight_ = torch.randn(shape, generator=generator)
        self.partial_fit(source, generator)

    def partial_fit(self, source, generator):
        while not source.exhausted:
            self.learn(source.sample(8, shots=4, queries=5))

    def learn(self, batch):
        weight = self.weight_.clone().requires_grad_()
        query = batch.query
        self.loss(query.x @ weight, query.y, query.mask).mean().backward()
        self.weight_ = self.weight_ - self.rate * weight.grad

    def loss(self, prediction, y, mask):
        return task_mse(prediction, y, mask)

    def adapt(self, support, steps):
        weight = self.weight_.expand(len(support), -1, -1)
        bias = torch.zeros_like(support.y[:, :1])
        done = 0
        for step in steps:
            for _ in range(step - done):
                error = support.x @ weight + bias - support.y
                weight = weight - self.rate * (support.x.mT @ error / support.points)
                bias = bias - self.rate * error.mean(1, keepdim=True)
            done = step
            yield self.predictor(weight, bias)

    def predictor(self, weight, bias):
        return lambda x: x @ weight + bias

    def state(self):
        return {"weight": self.weight_}

    def load_state(self, state):
        self.weight_ = state["weight"]


class UnknownTestField(Good):
    test_fields: ClassVar = {"rates": 0.2}


@dataclass
class NeverEqual(Good):
    made: float = field(default_factory=random.Random(0).random, init=False)


class SeedsWhenConstructed(Good):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)


class BuildsWhenConstructed(Good):
    def __init__(self):
        super().__init__()
        self.weight_ = torch.zeros(1, 1)


class DrawsFromNumpy(Good):
    def learn(self, batch):
        np.random.rand()
        super().learn(batch)


class TurnsGradientsOff(Good):
    def adapt(self, support, steps):
        with torch.no_grad():
            yield from super().adapt(support, steps)


class LearnsInAdapt(Good):
    def adapt(self, support, steps):
        self.weight_ = self.weight_ + 0.1
        yield from super().adapt(support, steps)


class ChangesTheSupportSet(Good):
    def adapt(self, support, steps):
        yield from super().adapt(support, steps)
        support.y.mul_(2)


class CountsCalls(Good):
    def adapt(self, support, steps):
        self.calls = getattr(self, "calls", 0) + 1
        for predict in super().adapt(support, steps):
            yield lambda x, predict=predict, bias=self.calls: predict(x) + bias


class SharesOnePredictor(Good):
    def predictor(self, weight, bias):
        self.now = weight, bias
        return lambda x: x @ self.now[0] + self.now[1]


class TakesStepsAgain(Good):
    def adapt(self, support, steps):
        taken = [sum(steps[: i + 1]) for i in range(len(steps))]
        yield from super().adapt(support, taken)


class LeavesOutStepZero(Good):
    def adapt(self, support, steps):
        yield from super().adapt(support, [step for step in steps if step] or steps)


class RecordsGradients(Good):
    def predictor(self, weight, bias):
        return super().predictor(weight.clone().requires_grad_(), bias)


class PredictsInDoubles(Good):
    def predictor(self, weight, bias):
        return lambda x: (x @ weight + bias).double()


class Diverges(Good):
    def predictor(self, weight, bias):
        return lambda x: x @ weight + bias / 0


class DividesByTheNumberOfTasks(Good):
    """The trap: the mean over tasks in the inner loop."""

    def adapt(self, support, steps):
        divided = type(self)(self.rate / len(support))
        divided.weight_ = self.weight_
        yield from Good.adapt(divided, support, steps)


class IsTooSure(Good):
    def predictor(self, weight, bias):
        return Spread(super().predictor(weight, bias), lambda x: 0 * x[:, :, :1])


class SpreadsOverTasks(Good):
    def predictor(self, weight, bias):
        mean = super().predictor(weight, bias)
        return Spread(mean, lambda x: (1 + mean(x) ** 2).mean(0, keepdim=True) + 0 * mean(x))


class IsTransductive(Good):
    def predictor(self, weight, bias):
        return lambda x: (x - x.mean(1, keepdim=True)) @ weight + bias


class IsMarkedTransductive(IsTransductive):
    transductive = True


class IsMarkedInVain(Good):
    transductive = True


class LooksAtTheWidestInput(Good):
    def predictor(self, weight, bias):
        return lambda x: x @ weight + bias + x.abs().amax(1, keepdim=True)


class ReachesForTheTargets(Good):
    """The targets of the query points lie in the same memory as those of the support points."""

    def adapt(self, support, steps):
        seen = support.y if support.y._base is None else support.y._base
        for predict in super().adapt(support, steps):
            yield lambda x, predict=predict: predict(x) + seen[:, -1:]


class StartsAtTheFirstPoint(Good):
    def adapt(self, support, steps):
        for predict in super().adapt(support, steps):
            yield lambda x, predict=predict: predict(x) + support.y[:, :1]


class NeedsTwoShots(Good):
    def adapt(self, support, steps):
        spread = support.y.var(1, keepdim=True, correction=0)
        for predict in super().adapt(support, steps):
            yield lambda x, predict=predict: predict(x) / spread


class KnowsOneFeature(Good):
    def fit(self, source, generator):
        self.weight_ = torch.randn(1, 1, generator=generator)
        self.partial_fit(source, generator)


class RefusesTwoOutputs(Good):
    def fit(self, source, generator):
        if source.problem.outputs == 2:
            raise UserError("two outputs are too many")
        super().fit(source, generator)


class ForgetsWhenItIsAsked(Good):
    over = True

    def state(self):
        told = super().state()
        if not self.over:
            self.weight_ = 0.5 * self.weight_
        return told

    def fit(self, source, generator):
        self.over = False
        super().fit(source, generator)
        self.over = True


class GoesOnWhereItWas(Good):
    """Has momentum, which is no part of what `adapt` needs."""

    def partial_fit(self, source, generator):
        self.go(source, torch.zeros_like(self.weight_))

    def go(self, source, speed):
        self.speed_ = speed
        while not source.exhausted:
            before = self.weight_
            self.learn(source.sample(8, shots=4, queries=5))
            self.speed_ = 0.5 * self.speed_ + self.weight_ - before
            self.weight_ = before + self.speed_
            source.log(size=self.weight_.square().mean())

    def checkpoint(self):
        return {**self.state(), "speed": self.speed_}

    def resume(self, state, source, generator):
        self.load_state(state)
        self.go(source, state["speed"])


class LosesItsSpeed(GoesOnWhereItWas):
    def resume(self, state, source, generator):
        self.load_state(state)
        self.partial_fit(source, generator)


class DrawsBeforeItGoesOn(GoesOnWhereItWas):
    def partial_fit(self, source, generator):
        self.noise_ = torch.randn(1, generator=generator)
        super().partial_fit(source, generator)

    def resume(self, state, source, generator):
        torch.randn(1, generator=generator)
        super().resume(state, source, generator)


class LearnsWhenItIsKept(GoesOnWhereItWas):
    def checkpoint(self):
        self.weight_ = self.weight_ + 1
        return super().checkpoint()


class KeepsItself(GoesOnWhereItWas):
    def checkpoint(self):
        return {**super().checkpoint(), "learner": self}


class SeedsItself(Good):
    def fit(self, source, generator):
        super().fit(source, torch.Generator().manual_seed(int.from_bytes(os.urandom(4), "big")))


class Remembers(Good):
    def fit(self, source, generator):
        if hasattr(self, "weight_"):
            self.partial_fit(source, generator)
        else:
            super().fit(source, generator)


class ForgetsInPartialFit(Good):
    def partial_fit(self, source, generator):
        if source.tasks == 0 and hasattr(self, "trained_"):
            del self.trained_
            self.fit(source, generator)
        else:
            super().partial_fit(source, generator)
            self.trained_ = True


class DoesNotCarryOn(Good):
    def partial_fit(self, source, generator):
        before = self.weight_
        super().partial_fit(source, generator)
        if hasattr(self, "trained_"):
            self.weight_ = before
        self.trained_ = True


class KeepsSomethingToItself(Good):
    """How far training has come is no part of its state."""

    def fit(self, source, generator):
        self.updates_ = 0
        super().fit(source, generator)

    def learn(self, batch):
        super().learn(batch)
        self.updates_ = getattr(self, "updates_", 0) + 1
        self.weight_ = self.weight_ * (1 - 0.1 / self.updates_)


class ForgetsToSave(Good):
    def load_state(self, state):
        self.weight_ = torch.zeros_like(state["weight"])


class SavesItself(Good):
    def state(self):
        return {"weight": self.weight_, "learner": self}


class StopsEarly(Good):
    def partial_fit(self, source, generator):
        self.learn(source.sample(1, shots=4, queries=5))


class GoesOn(Good):
    def partial_fit(self, source, generator):
        super().partial_fit(source, generator)
        self.learn(source.sample(1, shots=4, queries=5))


class DrawsBehindTheSource(Good):
    def partial_fit(self, source, generator):
        source._family.sample(8, "train", generator)
        super().partial_fit(source, generator)


class PeeksAtTestTasks(Good):
    def partial_fit(self, source, generator):
        source._family.sample(0, "test", generator)
        super().partial_fit(source, generator)


class ReadsTheIntercept(Good):
    def adapt(self, support, steps):
        intercept = support.privileged["hidden"].unsqueeze(2)
        for predict in super().adapt(support, steps):
            yield lambda x, predict=predict: predict(x) + intercept


class TrainsOnMaskedRows(Good):
    def loss(self, prediction, y, mask):
        return task_mse(prediction, y)


class Decides(Good):
    """Chooses one of three for each task, and says how far the task lies from the others."""

    def diagnose(self, support):
        chosen = (support.y.mean((1, 2)).abs() * 10).long() % 3
        return Diagnosis({"layer": Choice(chosen, 3)}, {"size": support.y.std((1, 2))})


class ChoosesWhatIsNoOption(Decides):
    def diagnose(self, support):
        return Diagnosis({"layer": Choice(torch.full((len(support),), 3), 3)})


class CountsItsOptions(Decides):
    def diagnose(self, support):
        return Diagnosis({"layer": Choice(torch.zeros(len(support), dtype=int), len(support))})


class ComparesTasks(Decides):
    def diagnose(self, support):
        return Diagnosis({"layer": Choice(support.y.mean((1, 2)).argsort(), len(support.y) + 5)})


class MeasuresAgainstOthers(Decides):
    def diagnose(self, support):
        mean = support.y.mean((1, 2))
        return Diagnosis(measures={"size": mean - mean.mean()})


class SaysOneThingOfAll(Decides):
    def diagnose(self, support):
        return Diagnosis(measures={"size": support.y.mean(2)})


class LearnsWhenAsked(Decides):
    def diagnose(self, support):
        self.weight_ = self.weight_ + 1
        return super().diagnose(support)


class DrawsWhenAsked(Decides):
    def diagnose(self, support):
        torch.rand(1)
        return super().diagnose(support)


class Both(Good):
    """In classification it regresses on the one-hot targets; its outputs are numbered."""

    kinds = frozenset({"regression", "classification"})


class WantsPictures(Both):
    def fit(self, source, generator):
        if source.problem.image is None and source.problem.kind == "classification":
            raise UserError("these are no pictures")
        super().fit(source, generator)


class WantsSquarePictures(Both):
    def fit(self, source, generator):
        if source.problem.image is not None and source.problem.image[1] != source.problem.image[2]:
            raise UserError("the pictures are not square")
        super().fit(source, generator)


class TakesPointsToBeInOrder(Both):
    """The trap: support points reshaped to (ways, shots), whatever their labels are."""

    def adapt(self, support, steps):
        ways = support.y.shape[2]
        if not self.applies(support) or support.points % ways:
            yield from super().adapt(support, steps)
            return
        centres = support.x.unflatten(1, (ways, -1)).mean(2)
        for _ in steps:
            yield lambda x: -(torch.cdist(x, centres) ** 2)

    def applies(self, support):
        return support.x.shape[2] > 2


class TakesPlainNumbersToBeInOrder(TakesPointsToBeInOrder):
    def applies(self, support):
        return support.x.shape[2] == 2


class AnswersInOrder(Both):
    """The trap: query points are scored in the order of their classes."""

    def predictor(self, weight, bias):
        ways = weight.shape[2]
        turn = torch.arange(15) * ways // 15
        guess = torch.nn.functional.one_hot(turn, ways).float()
        return lambda x: (x @ weight + bias) * 0 + guess[: x.shape[1]]


class ListsItsKinds(Good):
    kinds = ("regression",)


class KnowsAnUnheardOfKind(Good):
    kinds = frozenset({"regression", "ranking"})


class HasAListOfPrivileges(Good):
    privileged = ("amplitude",)


OFFENDERS = {
    "keeps to the protocol": [
        UnknownTestField,
        ListsItsKinds,
        KnowsAnUnheardOfKind,
        HasAListOfPrivileges,
    ],
    "construction only stores": [NeverEqual, SeedsWhenConstructed, BuildsWhenConstructed],
    "fit leaves global state alone": [DrawsFromNumpy],
    "adapt leaves global state alone": [TurnsGradientsOff],
    "adapt leaves the learner unchanged": [LearnsInAdapt, ChangesTheSupportSet, CountsCalls],
    "predictors stay valid": [SharesOnePredictor],
    "steps are honoured": [TakesStepsAgain, LeavesOutStepZero],
    "predictions are plain": [RecordsGradients, PredictsInDoubles, Diverges],
    "batched equals looped": [DividesByTheNumberOfTasks],
    "query points do not touch": [IsTransductive, IsMarkedInVain],
    "padding does not count": [LooksAtTheWidestInput],
    "query targets stay unseen": [ReachesForTheTargets],
    "order of support points does not matter": [StartsAtTheFirstPoint],
    "any number of tasks and shots": [NeedsTwoShots],
    "any number of features and outputs": [KnowsOneFeature, RefusesTwoOutputs],
    "same seed same bits": [SeedsItself],
    "fit forgets": [Remembers],
    "a look on the way changes nothing": [ForgetsWhenItIsAsked],
    "training goes on where it was cut off": [
        LosesItsSpeed,
        DrawsBeforeItGoesOn,
        LearnsWhenItIsKept,
        KeepsItself,
    ],
    "how sure it is is plain": [IsTooSure, SpreadsOverTasks],
    "partial fit carries on": [ForgetsInPartialFit, DoesNotCarryOn],
    "a loaded learner carries on": [KeepsSomethingToItself],
    "state survives a file": [ForgetsToSave, SavesItself],
    "budget is kept": [StopsEarly, GoesOn, DrawsBehindTheSource, PeeksAtTestTasks],
    "needs only what it declares": [ReadsTheIntercept],
    "masked rows do not count": [TrainsOnMaskedRows],
    "diagnoses each task on its own": [
        ChoosesWhatIsNoOption,
        CountsItsOptions,
        ComparesTasks,
        MeasuresAgainstOthers,
        SaysOneThingOfAll,
        LearnsWhenAsked,
        DrawsWhenAsked,
    ],
    "any number of features and outputs (classes)": [WantsSquarePictures],
    "numbers of classes mean nothing (classes)": [
        TakesPointsToBeInOrder,
        TakesPlainNumbersToBeInOrder,
        AnswersInOrder,
    ],
}


def broken(make):
    return {check.name: check.message for check in check_learner(make) if not check.passed}


def test_a_good_learner_passes():
    checks = check_learner(Good)
    assert [check.message for check in checks if not check.passed] == []
    assert len(checks) == len(LAWS_BY_KIND["regression"])
    assert all(check.name and check.message.endswith(".") for check in checks)


def test_a_learner_that_diagnoses_passes():
    assert not broken(Decides)


def test_a_learner_of_both_kinds_passes_on_both():
    checks = check_learner(Both)
    assert [check.message for check in checks if not check.passed] == []
    assert len(checks) == sum(len(laws) for laws in LAWS_BY_KIND.values())
    assert len({check.name for check in checks}) == len(checks)


class CannotGoOn(GoesOnWhereItWas):
    def checkpoint(self):
        return None


@pytest.mark.parametrize(
    "learner", [IsMarkedTransductive, WantsPictures, GoesOnWhereItWas, CannotGoOn]
)
def test_a_learner_may_be_like_this(learner):
    assert not broken(learner)


def test_a_learner_may_declare_a_need():
    class Informed(ReadsTheIntercept):
        needs = frozenset({"hidden"})

    assert not broken(Informed)


def test_every_law_has_an_offender():
    laws = {law.__name__.replace("_", " ") for laws in LAWS_BY_KIND.values() for law in laws}
    assert laws == {name.removesuffix(" (classes)") for name in OFFENDERS}


@pytest.mark.parametrize(
    ("law", "offender"),
    [(law, offender) for law, offenders in OFFENDERS.items() for offender in offenders],
)
def test_an_offender_is_caught(law, offender):
    assert law in broken(offender)


def test_numbers_that_mean_something_are_named():
    broke = broken(TakesPlainNumbersToBeInOrder)
    (message,) = broke.values()
    assert broke.keys() == {"numbers of classes mean nothing (classes)"}
    assert message.startswith("plain numbers: accuracy after 0 steps changes by -0.")


def test_a_learner_that_cannot_be_constructed_fails_every_law():
    class Broken(Good):
        def __init__(self):
            raise RuntimeError("no")

    assert len(broken(Broken)) == len(LAWS_BY_KIND["regression"])
    assert broken(Broken)["fit forgets"] == "raised RuntimeError: no"
