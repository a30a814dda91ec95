"""What a trial is, as it is sent to where it runs; of how it is trained nothing is imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.core import Budget
from benchmarks.core.protocol import Protocol
from benchmarks.harness.plan.budgets import UNLIMITED, Keep, Limits
from benchmarks.harness.plan.matrix import Entry


@dataclass(frozen=True)
class Try:
    """That a trial is one of a search for settings: it trains, and is scored on validation tasks.

    Attributes:
        number: which of the settings of its learner these are; 0 are the defaults.
        bars: at each moment of the training, the loss beyond which it is given up; empty where none
            is.
    """

    number: int
    bars: tuple[float, ...] = ()


@dataclass(frozen=True)
class TrialSpec:
    """One learner × one family × one protocol × one seed, ready to be sent to a worker.

    `family` is what is trained on first. `other` is a second family, if the protocol has one: to be
    tested on, or to carry on with under the budget `then`. `reference` is who else is tested.

    `identity` is all that the scores depend on; `id` is a readable name with its hash. Labels, the
    device and the folder the data lies in are no part of it. `training` is a hash of what
    meta-training depends on: trials that share it can share the trained learner.
    """

    id: str
    family: Entry
    protocol: Protocol
    learner: Entry
    seed: int
    budget: Budget
    privileged: bool
    identity: Mapping[str, Any]
    training: str
    other: Entry | None = None
    then: Budget | None = None
    reference: Entry | None = None
    fold: int | None = None
    """Which of the protocol's folds it is; None where there are none."""
    keep: Keep = "last"
    """Which state of the training is tested."""
    limits: Limits = UNLIMITED
    """What ends it; no part of its identity."""
    tuned: int = 0
    """Of how many settings its own were the best; 0 where none were searched for."""
    tried: Try | None = None
    """What it is tried for; None where it is tested."""

    @property
    def row(self) -> dict[str, Any]:
        """The columns that name this trial in every table, its fold, and how it was tuned."""
        fold = {} if self.fold is None else {"fold": self.fold}
        tuned = {"tuned": self.tuned} if self.tuned else {}
        return {
            **fold,
            **tuned,
            "trial": self.id,
            "family": self.family.label,
            "protocol": self.protocol.label,
            "learner": self.learner.label,
            "seed": self.seed,
            "privileged": self.privileged,
        }


def blank_record(spec: TrialSpec, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a trial of which nothing is known yet."""
    return {
        **spec.row,
        "status": "missing",
        "reason": None,
        "traceback": None,
        "spec": spec.identity,
        "spending": {},
        "left_out": {},
        "left_out_train": {},
        "dropped_rows": 0,
        "problem": {},
        "provenance": dict(provenance),
    }
