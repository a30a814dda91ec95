"""Who is compared, on what budget: settings that suit small families, and what they take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

SEEDS = 3
LEAST_TASKS, MOST_TASKS = 5_000, 50_000
EPOCHS = 250
"""How often each training task is drawn, within those limits."""
PICTURE_TASKS, PICTURE_TEST = 2_000, 20.0


@dataclass(frozen=True)
class Contender:
    """A `[[learner]]` table.

    Attributes:
        seconds: of training, for 1,000 tasks on one core: of `reml run metoffice`, and of pictures
            of 28 by 28 pixels.
        needs: a package that must be there.
        once: seconds of training, however many tasks there are.
    """

    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""
    seconds: float = 0.0
    needs: str = ""
    once: float = 0.0

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
        Contender("pace", remark="what one would use for curves: principal components", once=1),
        Contender("pooled", remark="one model for all: boosting on the rows of all tasks", once=3),
        Contender(
            "mixed",
            remark="what a statistician would use: a line for each task, all alike",
            needs="statsmodels",
            once=4,
        ),
        Contender("gp-prior", seconds=0.3),
        Contender("cnp", seconds=0.27),
        Contender("fine_tuning", seconds=0.15),
        Contender("maml", seconds=0.35, needs="learn2learn"),
        Contender(
            "reml",
            {
                "pool": (2, 4, 2),
                "warm": 0.2,
                "train_steps": 5,
                "unadapted_weight": 0.2,
            },
            remark="for small tasks that are noisy and alike, as the matrix metoffice has it",
            seconds=1.4,
        ),
    ]


def for_classes() -> list[Contender]:
    """For classification of rows, likewise."""
    return [
        Contender("mean", remark="a floor: every class alike"),
        Contender("nearest_centroid", remark="what one would use for each task alone"),
        Contender("logistic_regression", remark="likewise"),
        Contender("pooled", remark="one model for all: boosting on the rows of all tasks", once=3),
        Contender("fine_tuning", seconds=0.15),
        Contender("maml", seconds=0.35, needs="learn2learn"),
        Contender(
            "reml", {"pool": (2, 4, 2), "train_steps": 5, "unadapted_weight": 0.2}, seconds=1.4
        ),
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
            once=20,
        ),
        Contender("protonet", {"filters": filters}, seconds=7),
        Contender(
            "maml",
            {"network": "cnn4", "filters": filters, **norm},
            seconds=20,
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
            seconds=30,
        ),
    ]


def curve_budget(train_tasks: int) -> int:
    """Training tasks, in round numbers: few tasks are soon known by heart."""
    tasks = min(MOST_TASKS, max(LEAST_TASKS, EPOCHS * train_tasks))
    return round(tasks, -3)


def minutes(
    contenders: Sequence[Contender],
    tasks: int,
    tested: float = 2.0,
    rounds: int = 1,
    cores: int = 2,
) -> int:
    """What a run takes, about: training, and `tested` seconds a trial for all else."""
    each = sum(it.seconds * tasks / 1000 + it.once + tested for it in contenders if not it.missing)
    return max(1, round(SEEDS * rounds * each / cores / 60))
