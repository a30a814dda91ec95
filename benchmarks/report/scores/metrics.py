"""What each metric is called, which way is better, and what values it can have."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from benchmarks.core.declaration import ACCURACY, USUAL, Declaration, Metric, filled
from benchmarks.core.errors import UserError
from benchmarks.core.kinds import Kind
from benchmarks.core.protocol import Protocol
from benchmarks.harness.disk.columns import PREDICTIVE
from benchmarks.harness.plan.registry import Registry
from benchmarks.report.scores.chosen import OF_ONE

OWN = ("mse", "rmse", "nmse")
"""Those of problems of regression; in classification it is accuracy."""
SHARES = ("accuracy", "coverage_90")
NEVER_NEGATIVE = (*OWN, *SHARES, "crps", "width_90")


def of_accuracies(metric: str) -> bool:
    """Whether it is shown in percent; higher is better in all of those."""
    return metric == "accuracy" or metric.startswith(ACCURACY)


def higher_is_better(metric: str) -> bool:
    """Of a problem's own metric; what a protocol declares is asked of its `Metrics`."""
    return of_accuracies(metric)


@dataclass(frozen=True)
class Metrics:
    """The metrics of one comparison: its problem's, and what its protocol declares beside them."""

    problem: Mapping[str, Any] = field(default_factory=dict)
    declared: Declaration = field(default_factory=Declaration)

    def stored(self, name: str) -> str:
        """What the scores call a metric that is declared by this name."""
        own = str(self.problem.get("metric", "mse"))
        kind: Kind = "classification" if own == "accuracy" else "regression"
        return self.declared.stored(name, kind) if name else own

    def higher_is_better(self, metric: str) -> bool:
        declared = self.declared.metric(metric)
        better = declared is not None and declared.better == "higher"
        return better or higher_is_better(metric)

    def around_zero(self, metric: str) -> bool:
        """Whether 0 is where neither side is ahead."""
        declared = self.declared.metric(metric)
        return declared is not None and declared.unit in ("difference", "log10 ratio")

    def within(self, metric: str) -> tuple[float, float]:
        """The values that a mean of it can have."""
        declared = self.declared.metric(metric)
        if declared is None:
            least = 0.0 if metric in NEVER_NEGATIVE or metric.startswith(OF_ONE) else -math.inf
            return least, 1.0 if metric in SHARES else math.inf
        if declared.unit not in ("score", "steps"):
            return -math.inf, math.inf
        return 0.0, 1.0 if of_accuracies(metric) else math.inf

    def place(self, metric: str) -> tuple[int, int, str]:
        """Where it stands in tables: the problem's own first, then as the protocol declares."""
        names = [it.name for it in self.declared.metrics]
        if metric in OWN:
            return 0, OWN.index(metric), metric
        if of_accuracies(metric):
            return 1, 0, metric
        if metric in names:
            return 2, names.index(metric), metric
        return (3, PREDICTIVE.index(metric), metric) if metric in PREDICTIVE else (4, 0, metric)

    def called(self, metric: str) -> str:
        """`RMSE of tmax_degC in °C`: the metric, the target unless it is plain y, and the unit."""
        declared = self.declared.metric(metric)
        if declared is None:
            return metric_name(metric, self.problem)
        return _declared_name(declared, metric, self.problem)


def declared_by(rules: Mapping[str, Any], registry: Registry) -> Declaration:
    """What the protocol of a stored `[[protocol]]` table declares; nothing where nobody knows."""
    kind = str(rules.get("kind", USUAL))
    try:
        if kind in registry.names("protocol"):
            protocol: type[Protocol] = registry.find("protocol", kind).cls
            return protocol.declares
        return Declaration.model_validate(rules.get("declares", {}))
    except (UserError, ValidationError):
        return Declaration()


def unit_of(metric: str, problem: Mapping[str, Any]) -> str:
    """The unit of a metric in words; empty where it has none."""
    unit = str(problem.get("unit", ""))
    if metric.startswith(OF_ONE):
        units = dict(zip(problem.get("targets", ()), problem.get("units", ()), strict=False))
        return str(units.get(metric.removeprefix(OF_ONE), ""))
    if metric == "rmse":
        return unit
    if metric == "mse" and unit:
        return f"{unit}²" if re.fullmatch(r"[°\w]+", unit) else f"({unit})²"
    return ""


def metric_name(metric: str, problem: Mapping[str, Any]) -> str:
    """What a problem's own metric is called; see `Metrics.called`."""
    if of_accuracies(metric):
        return f"{metric} in %"
    if metric.startswith(OF_ONE):
        unit = unit_of(metric, problem)
        return f"RMSE of {metric.removeprefix(OF_ONE)}{f' in {unit}' if unit else ''}"
    if metric == "nmse" and problem.get("targets"):
        return f"NMSE, the mean of {problem['target']}"
    name = metric.upper()
    target = str(problem.get("target", "y"))
    unit = unit_of(metric, problem)
    return f"{name}{f' of {target}' if target != 'y' else ''}{f' in {unit}' if unit else ''}"


def _declared_name(declared: Metric, stored: str, problem: Mapping[str, Any]) -> str:
    if of_accuracies(stored) and declared.of_accuracies:
        return declared.of_accuracies
    own = "accuracy" if of_accuracies(stored) else str(problem.get("metric", "mse"))
    if declared.elsewhere:
        problem = {**problem, "target": "y"}  # what it is called there is not known here
    return filled(declared.called, {"own": metric_name(own, problem), "name": own.upper()})
