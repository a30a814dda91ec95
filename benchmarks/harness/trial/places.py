"""The families of a trial: what it trains on, and where it tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any

from benchmarks.core import MetaLearner, Split, TaskFamily, generator_of
from benchmarks.core.errors import Cannot
from benchmarks.core.protocol import Place
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Entry
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.trial.facts import unchanged


@dataclass(frozen=True)
class Ground:
    """A family, and what its tasks are drawn by."""

    entry: Entry
    family: TaskFamily
    identity: str


def grounds_of(spec: TrialSpec, registry: Registry) -> dict[Place, Ground]:
    """The trial's families.

    Raises:
        DataError: the data of one have changed since the trial was planned.
    """
    grounds: dict[Place, Ground] = {"own": _ground(spec.family, registry, spec.identity["family"])}
    if spec.other is not None:
        other = spec.identity["protocol"]["other"]
        grounds["other"] = _ground(spec.other, registry, other)
    return grounds


def demand_told(spec: TrialSpec, grounds: Mapping[Place, Ground], learner: MetaLearner) -> None:
    """Find out before training whether families tell the learner what it needs.

    Raises:
        Cannot: one does not.
    """
    protocol = spec.protocol
    met: list[tuple[Place, Split]] = [(it, protocol.split) for it in protocol.tests_on]
    met = [("own", "train"), *met, *((it, "train") for it in protocol.trains_on)]
    for place, split in met:
        demand_fields(grounds[place].family, split, grounds[place].entry.label, learner)


def demand_fields(family: TaskFamily, split: Split, label: str, learner: MetaLearner) -> None:
    """The tasks of a split tell the learner what it needs.

    Raises:
        Cannot: they do not.
    """
    if not learner.needs:
        return
    batch = family.sample(1, split, generator_of("probe"), shots=1, queries=1)
    if missing := sorted(learner.needs - batch.support.privileged.keys()):
        raise Cannot(f"needs {' and '.join(missing)}, which {label} does not tell")


def _ground(entry: Entry, registry: Registry, identity: Mapping[str, Any]) -> Ground:
    return Ground(entry, unchanged(entry, registry, identity), dumps(identity, sort_keys=True))
