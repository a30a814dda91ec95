"""Learners that break a law of adaptation or of predictions."""

import torch

from benchmarks.core import Spread
from benchmarks.core.errors import UserError
from benchmarks.testing import ToyLearner


class TurnsGradientsOff(ToyLearner):
    def adapt(self, support, steps):
        with torch.no_grad():
            yield from super().adapt(support, steps)


class LearnsInAdapt(ToyLearner):
    def adapt(self, support, steps):
        self.weight_ = self.weight_ + 0.1
        yield from super().adapt(support, steps)


class ChangesTheSupportSet(ToyLearner):
    def adapt(self, support, steps):
        yield from super().adapt(support, steps)
        support.y.mul_(2)


class CountsCalls(ToyLearner):
    def adapt(self, support, steps):
        self.calls = getattr(self, "calls", 0) + 1
        for predict in super().adapt(support, steps):
            yield lambda x, predict=predict, bias=self.calls: predict(x) + bias


class SharesOnePredictor(ToyLearner):
    def predictor(self, weight, bias):
        self.now = weight, bias
        return lambda x: x @ self.now[0] + self.now[1]


class TakesStepsAgain(ToyLearner):
    def adapt(self, support, steps):
        taken = [sum(steps[: i + 1]) for i in range(len(steps))]
        yield from super().adapt(support, taken)


class LeavesOutStepZero(ToyLearner):
    def adapt(self, support, steps):
        yield from super().adapt(support, [step for step in steps if step] or steps)


class RecordsGradients(ToyLearner):
    def predictor(self, weight, bias):
        return super().predictor(weight.clone().requires_grad_(), bias)


class PredictsInDoubles(ToyLearner):
    def predictor(self, weight, bias):
        return lambda x: (x @ weight + bias).double()


class Diverges(ToyLearner):
    def predictor(self, weight, bias):
        return lambda x: x @ weight + bias / 0


class DividesByTheNumberOfTasks(ToyLearner):
    """The trap: the mean over tasks in the inner loop."""

    def adapt(self, support, steps):
        divided = type(self)(self.rate / len(support))
        divided.weight_ = self.weight_
        yield from ToyLearner.adapt(divided, support, steps)


class IsTooSure(ToyLearner):
    def predictor(self, weight, bias):
        return Spread(super().predictor(weight, bias), lambda x: 0 * x[:, :, :1])


class SpreadsOverTasks(ToyLearner):
    def predictor(self, weight, bias):
        mean = super().predictor(weight, bias)
        return Spread(mean, lambda x: (1 + mean(x) ** 2).mean(0, keepdim=True) + 0 * mean(x))


class IsTransductive(ToyLearner):
    def predictor(self, weight, bias):
        return lambda x: (x - x.mean(1, keepdim=True)) @ weight + bias


class IsMarkedTransductive(IsTransductive):
    transductive = True


class IsMarkedInVain(ToyLearner):
    transductive = True


class LooksAtTheWidestInput(ToyLearner):
    def predictor(self, weight, bias):
        return lambda x: x @ weight + bias + x.abs().amax(1, keepdim=True)


class ReachesForTheTargets(ToyLearner):
    """The targets of the query points lie in the same memory as those of the support points."""

    def adapt(self, support, steps):
        seen = support.y if support.y._base is None else support.y._base
        for predict in super().adapt(support, steps):
            yield lambda x, predict=predict: predict(x) + seen[:, -1:]


class StartsAtTheFirstPoint(ToyLearner):
    def adapt(self, support, steps):
        for predict in super().adapt(support, steps):
            yield lambda x, predict=predict: predict(x) + support.y[:, :1]


class NeedsTwoShots(ToyLearner):
    def adapt(self, support, steps):
        spread = support.y.var(1, keepdim=True, correction=0)
        for predict in super().adapt(support, steps):
            yield lambda x, predict=predict: predict(x) / spread


class KnowsOneFeature(ToyLearner):
    def fit(self, source, generator):
        self.weight_ = torch.randn(1, 1, generator=generator)
        self.partial_fit(source, generator)


class RefusesTwoOutputs(ToyLearner):
    def fit(self, source, generator):
        if source.problem.outputs == 2:
            raise UserError("two outputs are too many")
        super().fit(source, generator)


OFFENDERS = {
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
    "how sure it is is plain": [IsTooSure, SpreadsOverTasks],
}
LAW_ABIDING = [IsMarkedTransductive]
