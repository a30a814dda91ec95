"""What a trial is, and the name it has for ever: a hash of all that its scores depend on."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from benchmarks.core import Budget
from benchmarks.core.declaration import USUAL
from benchmarks.core.protocol import Protocol
from benchmarks.harness.plan.budgets import UNLIMITED, Keep, Limits
from benchmarks.harness.plan.checks.effects import follows_the_test, test_shots
from benchmarks.harness.plan.matrix import Entry, Matrix
from benchmarks.harness.plan.resolved import Resolved


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


@dataclass(frozen=True)
class Meeting:
    """A family under a protocol, with what else takes part there; checked.

    Attributes:
        code: a hash of the plugin that the protocol is from; empty where it is from none.
    """

    family: Resolved
    protocol: Protocol
    code: str
    other: Resolved | None
    reference: Resolved | None
    fold: int | None


def trial_of(
    matrix: Matrix, it: Meeting, learner: Resolved, seed: int, tuned: int = 0, apart: str = ""
) -> TrialSpec:
    """One trial; `apart` makes it another one than that of equal settings under another label."""
    family, protocol = it.family, it.protocol
    budget = learner.entry.budget or family.entry.budget or matrix.budget
    keep = learner.entry.keep or matrix.keep
    then = None
    if "other" in protocol.trains_on:
        then = budget if protocol.next_budget is None else Budget(**protocol.next_budget)
    how = protocol.identity()
    if it.code:
        how["code"] = it.code
    if protocol.version != 1:
        how["version"] = protocol.version
    if it.reference is not None:
        how["reference"] = it.reference.identity
    if it.other is not None:
        how["other"] = it.other.identity
    if then is not None:
        how["then"] = _given(then)
    trained = {
        "family": family.identity,
        "learner": learner.identity,
        "seed": seed,
        "budget": _given(budget),
    }
    if keep != "last":  # as results that were published before there was a choice
        trained["keep"] = keep
    identity = {**trained, "protocol": how, **({"apart": apart} if apart else {})}
    fields = learner.identity["fields"].items()
    looked_at = {key: value for key, value in fields if key not in learner.only_at_test}
    trained["learner"] = {**learner.identity, "fields": looked_at}
    if follows_the_test(learner):
        trained["shots"] = test_shots(protocol)
    slug = f"{family.entry.label} {learner.entry.name}"
    if protocol.kind != USUAL:
        slug = f"{slug} {protocol.kind}"
    slug = re.sub(r"[^a-z0-9]+", "-", slug.lower())
    return TrialSpec(
        id=f"{slug.strip('-')[:48]}-s{seed}-{digest_of(identity)}",
        family=family.entry,
        protocol=protocol,
        learner=learner.entry,
        seed=seed,
        budget=budget,
        privileged=learner.privileged,
        identity=identity,
        training=digest_of(trained),
        other=None if it.other is None else it.other.entry,
        then=then,
        reference=None if it.reference is None else it.reference.entry,
        fold=it.fold,
        keep=keep,
        limits=learner.entry.limits.over(matrix.limits),
        tuned=tuned,
    )


def try_of(
    matrix: Matrix, it: Meeting, learner: Resolved, seed: int, asked: Mapping[str, Any], what: Try
) -> TrialSpec:
    """A trial of a search: its learner trains under the search's budget, and is `asked` so."""
    assert matrix.tuning is not None
    budget = matrix.tuning.budget
    entry = replace(learner.entry, budget=budget)
    spec = trial_of(matrix, it, replace(learner, entry=entry), seed)
    kept = ("family", "learner", "seed", "budget", "keep")
    identity = {key: spec.identity[key] for key in kept if key in spec.identity}
    identity["protocol"] = {"kind": "tuning", "asked": asked, "shots": test_shots(it.protocol)}
    slug = spec.id.rpartition("-s")[0]
    digest = digest_of(identity)
    return replace(
        spec, id=f"{slug}-s{seed}-{digest}", identity=identity, training=digest, tried=what
    )


def _given(budget: Budget) -> dict[str, float]:
    return {key: value for key, value in asdict(budget).items() if value is not None}


def digest_of(identity: Mapping[str, Any]) -> str:
    """What stands for an identity: a short hash."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
