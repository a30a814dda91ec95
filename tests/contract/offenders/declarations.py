"""Learners that break a law of what they declare, store or say of themselves."""

import random
from dataclasses import dataclass, field
from typing import ClassVar

import torch

from benchmarks.core import Choice, Diagnosis
from benchmarks.testing import ToyLearner


class UnknownTestField(ToyLearner):
    test_fields: ClassVar = {"rates": 0.2}


@dataclass
class NeverEqual(ToyLearner):
    made: float = field(default_factory=random.Random(0).random, init=False)


class SeedsWhenConstructed(ToyLearner):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)


class BuildsWhenConstructed(ToyLearner):
    def __init__(self):
        super().__init__()
        self.weight_ = torch.zeros(1, 1)


class Decides(ToyLearner):
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


class ListsItsKinds(ToyLearner):
    kinds = ("regression",)


class KnowsAnUnheardOfKind(ToyLearner):
    kinds = frozenset({"regression", "ranking"})


class HasAListOfPrivileges(ToyLearner):
    privileged = ("amplitude",)


OFFENDERS = {
    "keeps to the protocol": [
        UnknownTestField,
        ListsItsKinds,
        KnowsAnUnheardOfKind,
        HasAListOfPrivileges,
    ],
    "construction only stores": [NeverEqual, SeedsWhenConstructed, BuildsWhenConstructed],
    "diagnoses each task on its own": [
        ChoosesWhatIsNoOption,
        CountsItsOptions,
        ComparesTasks,
        MeasuresAgainstOthers,
        SaysOneThingOfAll,
        LearnsWhenAsked,
        DrawsWhenAsked,
    ],
}
LAW_ABIDING = [Decides]
