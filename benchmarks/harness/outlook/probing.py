"""A few seconds of each learner on its family: how long it takes here, and how much it holds."""

import time
from collections.abc import Sequence

import torch

from benchmarks.core import Budget, BudgetedSource, generator_of
from benchmarks.core.text import described
from benchmarks.harness.evaluation.evaluator import evaluate
from benchmarks.harness.outlook.costs import Cost
from benchmarks.harness.outlook.forecast import PROBED, probe_key
from benchmarks.harness.outlook.former import Former, status_of
from benchmarks.harness.outlook.lots import Lot
from benchmarks.harness.plan.checks.effects import test_shots
from benchmarks.harness.plan.expand import Pairing, arrange
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import Resolved, make_learner
from benchmarks.harness.trial.training import import_for, peak_memory

TESTED = 5
"""Test tasks that a probe scores."""


def probe_all(
    matrix: Matrix, registry: Registry, lots: Sequence[Lot], former: Former, seconds: float
) -> dict[str, Cost]:
    """What each learner takes that has trials left; all that can be wrong is found first.

    A learner that fails, or is too slow to be timed, is left to other sources.

    Raises:
        UserError: what is wrong with the matrix or its data.
    """
    pairings = arrange(matrix, registry)
    left = {
        probe_key(lot): lot
        for lot in reversed(lots)
        if any(status_of(former, lot, seed) not in ("done", "cannot") for seed in lot.seeds)
    }
    found: dict[str, Cost] = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for pairing in pairings:
            for learner in pairing.learners:
                lot = left.get(f"{pairing.meeting.family.entry.label}\0{learner.entry.label}")
                if lot is None or probe_key(lot) in found:
                    continue
                cost = _probe(pairing, learner, registry, lot, seconds)
                if cost is not None:
                    found[probe_key(lot)] = cost
    finally:
        torch.set_num_threads(threads)
    return found


def _probe(
    pairing: Pairing, learner: Resolved, registry: Registry, lot: Lot, seconds: float
) -> Cost | None:
    family, protocol = pairing.meeting.family, pairing.meeting.protocol
    made = make_learner(learner.entry, registry)
    source = BudgetedSource(
        family.built,
        Budget(seconds=seconds),
        generator_of("probe", family.identity["name"]),
        needs=made.needs,
        shots=test_shots(protocol),
    )
    try:
        import_for(made)
        started = time.process_time()
        made.fit(source, generator_of("probe", learner.entry.label))
        trained = time.process_time() - started
        few = protocol.model_copy(update={"tasks": TESTED, "draws": 1})
        started = time.process_time()
        evaluate(made, family.built, "probe", few, scores_only=True)
        tested = time.process_time() - started
    except Exception as error:  # of the learner's making
        print(f"{lot.learner.entry.label} on {lot.family.entry.label}: {described(error)}")
        return None
    return Cost(
        lot.learner.name,
        lot.family.name,
        lot.learner.lasting,
        trained / source.tasks if source.tasks else 0.0,
        tested / (TESTED * len(protocol.shots)),
        0.0,
        peak_memory("cpu"),
        PROBED,
    )
