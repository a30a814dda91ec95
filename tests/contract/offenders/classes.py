"""Learners of classes that break a law of them."""

import torch

from benchmarks.core.errors import UserError
from benchmarks.testing import ToyLearner


class Both(ToyLearner):
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


OFFENDERS = {
    "any number of features and outputs (classes)": [WantsSquarePictures],
    "numbers of classes mean nothing (classes)": [
        TakesPointsToBeInOrder,
        TakesPlainNumbersToBeInOrder,
        AnswersInOrder,
    ],
}
LAW_ABIDING = [WantsPictures]
