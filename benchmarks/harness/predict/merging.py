"""What several trainings of a learner answer, as one: their mean, and how far it may be off."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.core import Problem
from benchmarks.harness.predict.answering import Answers

WITHIN = 1.6448536269514722
"""So many standard deviations on either side hold 90 % of a normal distribution."""
LARGEST = 300.0
"""Decimal logarithms beyond have no number."""
LOW, HIGH, SEED_STD = "low", "high", "seed_std"


class Merged(NamedTuple):
    """Columns with the axis `rows`, and words on what they are."""

    columns: Mapping[str, np.ndarray]
    words: tuple[str, ...]


class Moments(NamedTuple):
    """In own units, of shape (rows, outputs).

    Attributes:
        mean: of all trainings; of a target whose logarithm was learned, the median.
        std: of new observations, trainings that differ included; None where the learner is silent.
        apart: how far the trainings are apart, as a standard deviation.
        low: where 5 % of new observations are below; None like `std`.
        high: where 5 % of them are above.
    """

    mean: np.ndarray
    std: np.ndarray | None
    apart: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def moments(answered: Sequence[tuple[Problem, Answers]]) -> Moments:
    """The mean and the deviations of a mixture of what the trainings say."""
    means, stds = [], []
    for problem, answer in answered:
        scale = np.array([it for _, it, _ in problem.columns])
        means.append(answer.mean * scale + np.array([it for *_, it in problem.columns]))
        if answer.std is not None:
            stds.append(answer.std * scale)
    every = np.stack(means)
    mean, apart = every.mean(0), every.std(0)
    std = np.sqrt(np.square(stds).mean(0) + apart**2) if stds else None
    problem = answered[0][0]
    log = np.array([name in problem.logs for name, *_ in problem.columns])
    if std is None:
        return Moments(_own(mean, log), None, _own(every, log).std(0))
    low, high = (_own(mean + side * WITHIN * std, log) for side in (-1, 1))
    return Moments(_own(mean, log), _own_std(mean, std, log), _own(every, log).std(0), low, high)


def _own(values: np.ndarray, log: np.ndarray) -> np.ndarray:
    """In own units, where some are decimal logarithms; none is beyond what a number can be."""
    return np.where(log, 10.0 ** np.clip(values, -LARGEST, LARGEST), values)


def _own_std(mean: np.ndarray, std: np.ndarray, log: np.ndarray) -> np.ndarray:
    """Of what has a normal logarithm, in own units."""
    natural = np.minimum(np.log(10) * np.where(log, std, 0.0), LARGEST**0.5)
    times = np.exp(natural**2 / 2) * np.sqrt(np.expm1(natural**2))
    return np.where(log, _own(np.where(log, mean, 0.0), log) * times, std)


def merged(answered: Sequence[tuple[Problem, Answers]], taken: Collection[str]) -> Merged:
    """Predictions of numbers; further columns are called otherwise where names are `taken`."""
    found = moments(answered)
    names = answered[0][0].own_targets
    columns: dict[str, np.ndarray] = {}
    words: list[str] = []
    differ = bool(np.nanmax(found.apart, initial=0.0) > 0)
    for number, name in enumerate(names):
        columns[name] = found.mean[:, number]
    for number, name in enumerate(names):
        more: dict[str, np.ndarray] = {}
        if found.low is not None and found.high is not None:
            more = {LOW: found.low[:, number], HIGH: found.high[:, number]}
        elif differ:
            more = {SEED_STD: found.apart[:, number]}
        alone = len(names) == 1 and not {*more} & {*taken, *names}
        columns |= {key if alone else f"{name} {key}": it for key, it in more.items()}
    if found.std is not None:
        words.append(
            f"{LOW} and {HIGH}: where 90 % of new values lie, if the learner's own estimate of its "
            "error is right"
        )
    elif differ:
        words.append(
            f"{SEED_STD}: by how much its {len(answered)} trainings differ (a standard deviation); "
            "how far new values lie from their mean this learner does not tell"
        )
    elif len(answered) > 1:
        words.append(f"all {len(answered)} trainings answer alike, and none tells how sure it is")
    problem = answered[0][0]
    words += [
        f"{problem.own_name(name)}: as many new values lie above as below; its logarithm is learned"
        for name, *_ in problem.columns
        if name in problem.logs
    ]
    return Merged(columns, tuple(words))


def probabilities(answered: Sequence[Answers]) -> np.ndarray:
    """Of each output, of shape (rows, outputs): the mean over trainings."""
    logits = torch.from_numpy(np.stack([it.mean for it in answered]))
    return np.asarray(logits.softmax(2).mean(0).numpy())


def merged_classes(
    answered: Sequence[Answers],
    labels: Sequence[tuple[str, ...]],
    place: np.ndarray,
    target: str,
) -> Merged:
    """The likeliest class of each row, and a column with the probability of each class.

    Args:
        answered: by each training.
        labels: of each task.
        place: the number of each row's task; −1 where it is of none.
        target: what the classes are called together.
    """
    found = probabilities(answered)
    known = sorted({label for its in labels for label in its})
    columns = {label: np.full(len(place), np.nan) for label in known}
    best: np.ndarray = np.full(len(place), None, object)
    order = np.argsort(place, kind="stable")
    numbers, first = np.unique(place[order], return_index=True)
    for number, rows in zip(numbers, np.split(order, first[1:]), strict=True):
        if number < 0:
            continue
        sure = np.isfinite(found[rows]).all(1)
        best[rows[sure]] = np.array(labels[number], object)[found[rows[sure]].argmax(1)]
        for output, label in enumerate(labels[number]):
            columns[label][rows] = found[rows, output]
    return Merged({target: best, **{f"p({label})": it for label, it in columns.items()}}, ())
