"""After how many steps to stop: chosen on validation tasks, so that test tasks choose nothing."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from benchmarks.core import MetaLearner, TaskFamily
from benchmarks.core.protocol import Protocol
from benchmarks.harness.evaluation.evaluator import evaluate
from benchmarks.harness.evaluation.sureness import residuals

MOST_TASKS = 100


def choose_steps(
    learner: MetaLearner,
    family: TaskFamily,
    identity: str,
    protocol: Protocol,
    *,
    device: torch.device | str = "cpu",
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> dict[str, Any]:
    """By shots, the number of steps with the best mean on validation tasks; the fewest of equals.

    No more than `MOST_TASKS` tasks decide. There is nothing for shots at which the validation split
    has no task, and nothing at all where it is the validation split that is scored: what is chosen
    on the tasks that then judge it proves nothing.

    Returns:
        `chosen_steps`, and from how many tasks, `chosen_on`; both by shots, as text. And how far
        off it was there, `residuals`, see `Residuals`.

    Raises:
        ContractError: as `evaluate`.
    """
    shots = [k for k in protocol.shots if family.size("validation", k) != 0]
    if protocol.split == "validation" or not shots:
        return {"chosen_steps": {}, "chosen_on": {}, "residuals": {}}
    size = family.size("validation", min(shots))
    tasks = min(MOST_TASKS, protocol.tasks, MOST_TASKS if size is None else size)
    asked = protocol.model_copy(
        update={
            "split": "validation",
            "shots": tuple(shots),
            "tasks": tasks,
            "draws": max(1, min(protocol.draws, MOST_TASKS // tasks)),
        }
    )
    found = evaluate(
        learner, family, identity, asked, device=device, on_progress=on_progress, scores_only=True
    )
    scores, own = found.scores, family.problem.metric
    means = scores[scores["metric"] == own].groupby(["shots", "steps"], sort=True)["value"].mean()
    decided = scores.groupby("shots")["task"].nunique()
    best = {k: means[k].idxmax() if own == "accuracy" else means[k].idxmin() for k in shots}
    return {
        "chosen_steps": _by_shots(best),
        "chosen_on": _by_shots({k: decided[k] for k in shots}),
        "residuals": residuals(scores, family.problem),
    }


def _by_shots(numbers: Mapping[int, Any]) -> dict[str, int]:
    return {str(shots): int(number) for shots, number in numbers.items()}
