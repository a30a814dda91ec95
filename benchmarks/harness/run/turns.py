"""In which order trials run: numbers of everybody soon, rather than all of one learner first."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.registry import Registry

USUAL = 1e-3
"""Seconds that a learner trains for each task, where its class does not say otherwise."""
Seconds = Mapping[tuple[str, str], float]


def in_turn(trials: Sequence[TrialSpec], registry: Registry, took: Seconds) -> list[TrialSpec]:
    """The same trials: the first seed of all before the second, and in each the cheapest first.

    Of the last of several seeds the dearest come first: nobody waits for their numbers any more,
    and no processor is idle at the end while another one is at a long trial. Those that share a
    training keep their order, so that the same one trains. A result depends on its trial alone: the
    order changes none.

    Args:
        trials: of one matrix.
        registry: where their learners are found.
        took: see `seconds_of`.
    """
    costs: dict[str, float] = {}
    for spec in trials:
        cost = _cost(spec, registry, took)
        costs[spec.training] = min(cost, costs.get(spec.training, cost))
    seeds = sorted({spec.seed for spec in trials})
    signs = {seed: -1 if seed == seeds[-1] != seeds[0] else 1 for seed in seeds}
    return sorted(trials, key=lambda it: (it.seed, signs[it.seed] * costs[it.training]))


def seconds_of(records: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """By learner and family, what trials of former runs took to train: the least, if several."""
    took: dict[tuple[str, str], float] = {}
    for record in records:
        seconds = (record.get("spending") or {}).get("seconds")
        if record.get("status") == "done" and isinstance(seconds, int | float):
            key = str(record.get("learner")), str(record.get("family"))
            took[key] = min(float(seconds), took.get(key, float(seconds)))
    return took


def _cost(spec: TrialSpec, registry: Registry, took: Seconds) -> float:
    """What training may take in seconds; 0 for a learner that says that it does not train."""
    effort = getattr(registry.find("learner", spec.learner.name).cls, "effort", USUAL)
    if not effort:
        return 0.0
    if (known := took.get((spec.learner.label, spec.family.label))) is not None:
        return known
    if spec.budget.seconds is not None:
        return spec.budget.seconds
    return float(effort) * (spec.budget.tasks or 0)
