"""Learners that break a law of training: of fit, partial_fit, resume, state or budget."""

import os

import numpy as np
import torch

from benchmarks.core import task_mse
from benchmarks.testing import ToyLearner


class DrawsFromNumpy(ToyLearner):
    def learn(self, batch):
        np.random.rand()
        super().learn(batch)


class ForgetsWhenItIsAsked(ToyLearner):
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


class GoesOnWhereItWas(ToyLearner):
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


class SeedsItself(ToyLearner):
    def fit(self, source, generator):
        super().fit(source, torch.Generator().manual_seed(int.from_bytes(os.urandom(4), "big")))


class Remembers(ToyLearner):
    def fit(self, source, generator):
        if hasattr(self, "weight_"):
            self.partial_fit(source, generator)
        else:
            super().fit(source, generator)


class ForgetsInPartialFit(ToyLearner):
    def partial_fit(self, source, generator):
        if source.tasks == 0 and hasattr(self, "trained_"):
            del self.trained_
            self.fit(source, generator)
        else:
            super().partial_fit(source, generator)
            self.trained_ = True


class DoesNotCarryOn(ToyLearner):
    def partial_fit(self, source, generator):
        before = self.weight_
        super().partial_fit(source, generator)
        if hasattr(self, "trained_"):
            self.weight_ = before
        self.trained_ = True


class KeepsSomethingToItself(ToyLearner):
    """How far training has come is no part of its state."""

    def fit(self, source, generator):
        self.updates_ = 0
        super().fit(source, generator)

    def learn(self, batch):
        super().learn(batch)
        self.updates_ = getattr(self, "updates_", 0) + 1
        self.weight_ = self.weight_ * (1 - 0.1 / self.updates_)


class ForgetsToSave(ToyLearner):
    def load_state(self, state):
        self.weight_ = torch.zeros_like(state["weight"])


class SavesItself(ToyLearner):
    def state(self):
        return {"weight": self.weight_, "learner": self}


class StopsEarly(ToyLearner):
    def partial_fit(self, source, generator):
        self.learn(source.sample(1, shots=4, queries=5))


class GoesOn(ToyLearner):
    def partial_fit(self, source, generator):
        super().partial_fit(source, generator)
        self.learn(source.sample(1, shots=4, queries=5))


class DrawsBehindTheSource(ToyLearner):
    def partial_fit(self, source, generator):
        source._family.sample(8, "train", generator)
        super().partial_fit(source, generator)


class PeeksAtTestTasks(ToyLearner):
    def partial_fit(self, source, generator):
        source._family.sample(0, "test", generator)
        super().partial_fit(source, generator)


class ReadsTheIntercept(ToyLearner):
    def adapt(self, support, steps):
        intercept = support.privileged["hidden"].unsqueeze(2)
        for predict in super().adapt(support, steps):
            yield lambda x, predict=predict: predict(x) + intercept


class TrainsOnMaskedRows(ToyLearner):
    def loss(self, prediction, y, mask):
        return task_mse(prediction, y)


class CannotGoOn(GoesOnWhereItWas):
    def checkpoint(self):
        return None


OFFENDERS = {
    "fit leaves global state alone": [DrawsFromNumpy],
    "same seed same bits": [SeedsItself],
    "fit forgets": [Remembers],
    "a look on the way changes nothing": [ForgetsWhenItIsAsked],
    "training goes on where it was cut off": [
        LosesItsSpeed,
        DrawsBeforeItGoesOn,
        LearnsWhenItIsKept,
        KeepsItself,
    ],
    "partial fit carries on": [ForgetsInPartialFit, DoesNotCarryOn],
    "a loaded learner carries on": [KeepsSomethingToItself],
    "state survives a file": [ForgetsToSave, SavesItself],
    "budget is kept": [StopsEarly, GoesOn, DrawsBehindTheSource, PeeksAtTestTasks],
    "needs only what it declares": [ReadsTheIntercept],
    "masked rows do not count": [TrainsOnMaskedRows],
}
LAW_ABIDING = [GoesOnWhereItWas, CannotGoOn]
