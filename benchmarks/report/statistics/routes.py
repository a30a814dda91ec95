"""What composing is worth, as numbers: of choices and of what tasks are like."""

import numpy as np
import numpy.typing as npt

BINS = 5
"""Classes of equally many tasks that a continuous trait is cut into."""

Choices = npt.NDArray[np.int64]


def collapse(choices: Choices, options: int) -> float:
    """How far the use of a decision's options is from even: 0 if it is, 1 if one takes all.

    R · Σ max(1/R − p, 0) / (R − 1), where option r of R is chosen with frequency p (Mittal, Bengio
    & Lajoie, *Is a modular architecture enough?*, NeurIPS 2022, section 4).
    """
    if options < 2:
        return 0.0
    share = np.bincount(choices, minlength=options) / len(choices)
    return float(options * np.maximum(1 / options - share, 0).sum() / (options - 1))


def unused(choices: Choices, options: int) -> int:
    """How many options no task was given."""
    return int((np.bincount(choices, minlength=options) == 0).sum())


def information(choices: Choices, trait: npt.NDArray[np.float64] | Choices) -> float:
    """Mutual information between a choice and a trait of the task, in nats; 0 if unrelated.

    Traits of more than `BINS` values are cut into as many classes of equal size. What chance alone
    would give, (choices − 1)(classes − 1)/2n to first order, is taken off.
    """
    classes = classes_of(trait)
    chosen = np.unique(choices, return_inverse=True)[1]
    table = np.zeros((chosen.max() + 1, classes.max() + 1))
    np.add.at(table, (chosen, classes), 1 / len(chosen))
    alone = table.sum(1, keepdims=True) * table.sum(0, keepdims=True)
    there = table > 0
    plain = float((table[there] * np.log(table[there] / alone[there])).sum())
    by_chance = (table.shape[0] - 1) * (table.shape[1] - 1) / 2 / len(chosen)
    return max(0.0, plain - by_chance)


def classes_of(trait: npt.NDArray[np.float64] | Choices) -> Choices:
    """The number of each task's class by a trait; of classes themselves, the same."""
    values, classes = np.unique(trait, return_inverse=True)
    if len(values) <= BINS:
        return classes
    edges = np.quantile(trait, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.unique(np.searchsorted(edges, trait, side="right"), return_inverse=True)[1]
