"""How sure a learner was, and with what right: scores of Gaussian predictive distributions."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import Problem, TaskBatch
from benchmarks.harness.evaluation.diverging import limit
from benchmarks.harness.evaluation.predictions import Answer
from benchmarks.harness.evaluation.taming import FAR

WITHIN_90 = 1.6448536269514722
"""So many standard deviations to either side hold 90 % of a Gaussian."""
LEAST = 1e-6
"""A standard deviation counts as at least this share of a constant guess's error."""
OF_ONE = "rmse of "

Residuals = Mapping[str, Mapping[str, Sequence[float]]]
"""By shots and steps, as text: the standard deviation of each target, in its own units."""


def residuals(scores: pd.DataFrame, problem: Problem) -> dict[str, dict[str, list[float]]]:
    """What a learner's errors on validation tasks are like: the root of their mean square.

    Nothing of scores in which the errors of single targets are not.
    """
    found: dict[str, dict[str, list[float]]] = {}
    if problem.kind == "classification":
        return found
    names = [f"{OF_ONE}{it}" for it in problem.targets] or ["rmse"]
    rows = scores
    if not problem.targets and problem.metric == "mse":
        rows = scores[scores["metric"] == "mse"]
        rows = rows.assign(metric="rmse", value=rows["value"].clip(lower=0) ** 0.5)
    for name in names:
        own = rows[rows["metric"] == name]
        squares = own.assign(value=own["value"] ** 2).groupby(["shots", "steps"])["value"].mean()
        for shots, steps, mean in squares.reset_index().itertuples(index=False):
            by_steps = found.setdefault(str(shots), {})
            by_steps.setdefault(str(steps), []).append(math.sqrt(mean))
    whole = len(names)
    return {k: it for k, it in found.items() if all(len(stds) == whole for stds in it.values())}


def spread(
    parts: Sequence[Answer], known: Residuals, shots: int, steps: int, problem: Problem
) -> Float[Tensor, "tasks points outputs"] | None:
    """How sure the answers are: what the predictors say themselves, or else the residuals."""
    own = [part.std for part in parts if part.std is not None]
    if len(own) == len(parts):
        return torch.cat(own)
    told = known.get(str(shots), {}).get(str(steps))
    if told is None:
        return None
    scales = torch.tensor([scale for _, scale, _ in problem.columns], dtype=torch.float64)
    each = torch.tensor(list(told), dtype=torch.float64) / scales
    return each.expand(torch.cat([part.query for part in parts]).shape)


def sureness(
    mean: Float[Tensor, "tasks points outputs"],
    std: Float[Tensor, "tasks points outputs"],
    batch: TaskBatch,
    problem: Problem,
) -> dict[str, Float[Tensor, " tasks"]]:
    """The `PREDICTIVE` metrics of each task, the mean over its query points and targets.

    `nll` is minus the log density of the target, `crps` the continuous ranked probability score
    (both: lower is better), `coverage_90` the share of points in the central 90 % and `width_90`
    how wide those are. With one target `nll`, `crps` and `width_90` are in its own units; with
    several, each counts in units of its scale in training.

    A prediction that diverged counts as one that is as far off as it may be; a standard deviation
    that is no positive number as that of a constant guess.
    """
    y, mask = batch.query.y.double(), batch.query.mask
    most = limit(batch)
    guess = math.sqrt(most / FAR)
    error = (mean.double() - y).nan_to_num(math.inf).clamp(-math.sqrt(most), math.sqrt(most))
    std = torch.where(std.isfinite() & (std > 0), std.double(), guess).clamp_min(LEAST * guess)
    scale = 1.0 if problem.targets else problem.target_scale
    z = error / std
    scores = {
        "nll": z**2 / 2 + std.log() + math.log(2 * math.pi) / 2 + math.log(scale),
        "crps": scale * crps(error, std),
        "coverage_90": (z.abs() <= WITHIN_90).double(),
        "width_90": scale * 2 * WITHIN_90 * std,
    }
    weight = mask.double()
    return {k: (it.mean(2) * weight).sum(1) / weight.sum(1) for k, it in scores.items()}


def crps(error: Tensor, std: Tensor) -> Tensor:
    """Of a Gaussian whose mean is `error` off, in closed form (Gneiting & Raftery, 2007)."""
    z = error / std
    density = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    below = torch.erf(z / math.sqrt(2))  # twice the share below z, less 1
    return std * (z * below + 2 * density - 1 / math.sqrt(math.pi))
