"""What a trial scored, as soon as it has ended: a first number, before there is any table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

COLUMNS = ["shots", "steps", "metric", "value"]
PRIMARY = {"accuracy": "accuracy in %"}


class Score(NamedTuple):
    """A mean over test tasks, of one training."""

    metric: str
    shots: int
    steps: int
    value: float

    @property
    def number(self) -> str:
        return f"{100 * self.value:.1f}" if self.metric == "accuracy" else f"{self.value:.3g}"

    @property
    def name(self) -> str:
        """`MSE after 10 steps, 5 shots`."""
        steps = f"{self.steps:,} step{'' if self.steps == 1 else 's'}"
        shots = f"{self.shots:,} shot{'' if self.shots == 1 else 's'}"
        return f"{PRIMARY.get(self.metric, self.metric.upper())} after {steps}, {shots}"

    def __str__(self) -> str:
        metric, after, rest = self.name.partition(" after")
        return f"{metric} {self.number}{after}{rest}"


def first_score(place: Path, record: Mapping[str, Any]) -> Score | None:
    """The score at the fewest shots, after the steps that validation chose, else after the most.

    None where the trial has none, or they cannot be read: whoever makes the table will say so.
    """
    metric = str((record.get("problem") or {}).get("metric") or "mse")
    try:
        scores = pd.read_parquet(
            place / "scores.parquet", columns=["shots", "steps", "metric", "value"]
        )
    except (OSError, ValueError):
        return None
    rows = scores[scores["metric"] == metric]
    rows = rows[rows["shots"] == rows["shots"].min()]
    if rows.empty:
        return None
    shots = int(rows["shots"].iloc[0])
    chosen = (record.get("chosen_steps") or {}).get(str(shots))
    steps = int(rows["steps"].max()) if chosen is None else int(chosen)
    values = rows.loc[rows["steps"] == steps, "value"]
    return Score(metric, shots, steps, float(values.mean())) if len(values) else None
