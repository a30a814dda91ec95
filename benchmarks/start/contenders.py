"""Who is compared, on what budget: settings that suit small families."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

SEEDS = 3
LEAST_TASKS, MOST_TASKS = 5_000, 50_000
EPOCHS = 250
"""How often each training task is drawn, within those limits."""
PICTURE_TASKS = 2_000


@dataclass(frozen=True)
class Contender:
    """A `[[learner]]` table.

    Attributes:
        needs: a package that must be there.
    """

    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""
    needs: str = ""

    @property
    def missing(self) -> bool:
        try:
            return bool(self.needs) and find_spec(self.needs) is None
        except ValueError:  # somebody forbade it
            return True

    @property
    def why_missing(self) -> str:
        return f"it needs {self.needs}, which is not installed; see `reml doctor`"


def for_curves() -> list[Contender]:
    """For regression, the cheap ones first; they train with the shots that are tested."""
    return [
        Contender("mean", remark="a floor: the mean of the points shown"),
        Contender("line", remark="what one would draw by hand: a low polynomial for each task"),
        Contender("gp", remark="what one would use for each task alone"),
        Contender("pace", remark="what one would use for curves: principal components"),
        Contender("pooled", remark="one model for all: boosting on the rows of all tasks"),
        Contender(
            "mixed",
            remark="what a statistician would use: a line for each task, all alike",
            needs="statsmodels",
        ),
        Contender("gp-prior"),
        Contender("cnp"),
        Contender("fine_tuning"),
        Contender("maml", needs="learn2learn"),
        Contender(
            "reml",
            {
                "pool": (2, 4, 2),
                "warm": 0.2,
                "train_steps": 5,
                "unadapted_weight": 0.2,
            },
            remark="for small tasks that are noisy and alike, as the matrix metoffice has it",
        ),
    ]


def for_classes() -> list[Contender]:
    """For classification of rows, likewise."""
    return [
        Contender("mean", remark="a floor: every class alike"),
        Contender("nearest_centroid", remark="what one would use for each task alone"),
        Contender("logistic_regression", remark="likewise"),
        Contender("pooled", remark="one model for all: boosting on the rows of all tasks"),
        Contender("fine_tuning"),
        Contender("maml", needs="learn2learn"),
        Contender("reml", {"pool": (2, 4, 2), "train_steps": 5, "unadapted_weight": 0.2}),
    ]


def for_pictures(filters: int = 32) -> list[Contender]:
    """For classification of pictures, likewise."""
    norm = {"batch_norm": "transductive", "inner_lr": 0.4}
    return [
        Contender("nearest_centroid", remark="a floor: on raw pixels"),
        Contender("logistic_regression", remark="likewise"),
        Contender(
            "features",
            remark="what one would use without learning from others: histograms of gradients",
            needs="skimage",
        ),
        Contender("protonet", {"filters": filters}),
        Contender(
            "maml",
            {"network": "cnn4", "filters": filters, **norm},
            needs="learn2learn",
        ),
        Contender(
            "reml",
            {
                "layers": "conv",
                "width": filters,
                "pool": (2, 6, 2),
                **norm,
                "train_queries": 15,
            },
        ),
    ]


def curve_budget(train_tasks: int) -> int:
    """Training tasks, in round numbers: few tasks are soon known by heart."""
    tasks = min(MOST_TASKS, max(LEAST_TASKS, EPOCHS * train_tasks))
    return round(tasks, -3)
