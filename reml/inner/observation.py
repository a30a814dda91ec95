"""What is known before a decision."""

from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor


class Observation(NamedTuple):
    """What is known before a decision, for all tasks at once.

    Attributes:
        points: the support set as a set of vectors: in regression its points, inputs and targets
            side by side; in classification a summary of each class; see `reml.inner.task_view`.
        decision: how many decisions have been made; all tasks move in lock-step.
        previous: the last choice as an index into its bank; zeros before the first decision.
        outputs: what the partial network makes of each of `points`, predictions or features; zeros
            until there is one.
        allowed: which options there are; None where all are.
        episodes: so many rows side by side are of the same task.
    """

    points: Float[Tensor, "tasks points values"]
    decision: int
    previous: Int[Tensor, " tasks"]
    outputs: Float[Tensor, "tasks points watched"]
    allowed: Bool[Tensor, "tasks choices"] | None = None
    episodes: int = 1
