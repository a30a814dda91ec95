"""Curves by conditional expectation: the mean and the covariance of the training tasks' (PACE)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from baselines._coefficients import Coefficients, conditioned, least_noise
from baselines._episodic import Count
from baselines._kept import Fit, Keeper, Tasks
from baselines._splines import splines
from benchmarks.core import Predictor, Support
from benchmarks.core.search import Space, Whole

FOLDS = 5
PENALTIES = tuple(10.0**power for power in range(-7, 3))
"""That are tried, from hardly any smoothing to hardly anything but straight lines."""
TINY = 1e-10


@dataclass
class Pace(Keeper):
    """Functional principal components by conditional expectation (Yao, Müller & Wang, 2005).

    All tasks are curves of one population, seen at a few noisy points each. Their mean is a smooth
    of all points, and their covariance one of what each two points of a task, less the mean, come
    to multiplied (section 2.2); the noise is what the variance of points has beyond it, and
    negative eigenvalues of the covariance count as 0. A new task is the conditional expectation
    given its support points, as if all were normal (section 2.3), and its standard deviation has
    the noise in it, but not how unsure mean and covariance are. Adaptation steps change nothing.

    Deviations: smooths are penalised sums of functions, not local lines, so inputs may be any
    number: thin plate splines (Wood, 2003), of a constant, the inputs, and at most `functions`
    others; of more than ten inputs, their ten first principal components. How much is smoothed is
    chosen by `FOLDS`-fold cross-validation over tasks, for the mean by squared error, for the
    covariance by the likelihood of tasks held out, so that no number of components need be chosen.
    With several outputs each has a mean and a covariance of its own.

    Attributes:
        functions: of a smooth beside lines, at most: the least wiggly ones.
        most_tasks: training tasks that are kept, a sample of those drawn. A task that is drawn
            again counts once where all its points are drawn each time, else each time.
        train_queries: points of a training task beside one, at most.
    """

    most_tasks: Count = 2000
    functions: Annotated[int, Ge(0)] = 12

    name: ClassVar[str] = "pace"
    search: ClassVar[Space] = {"functions": Whole(4, 24)}
    effort: ClassVar[float] = 1e-4
    test_fields: ClassVar[Mapping[str, Any]] = {"functions": 4}

    def explain(self, support: Support) -> list[str]:
        return [", ".join(it.said for it in self._model())] * len(support)

    def _fitter(self) -> Fit:
        return partial(fitted, functions=self.functions)

    def _told(self, model: Any, support: Support) -> Predictor:
        return conditioned(model, support)


def fitted(tasks: Tasks, functions: int) -> list[Coefficients]:
    """The population that each output's curves are of."""
    basis = splines(tasks.x, functions)
    values = basis(torch.from_numpy(tasks.x).unsqueeze(0))[0].numpy()
    bend = basis.bend.double().numpy()
    made = [Smoothing(values, y, tasks.count, bend) for y in tasks.y.astype(float).T]
    return [Coefficients(basis, *it.mean_covariance_noise()) for it in made]


class Smoothing:
    """Points of one output, as values of functions, and all that smooths of them are made of.

    Of a task with values B and targets y, `square` is B'B and `product` is B'y.
    """

    def __init__(
        self, values: np.ndarray, y: np.ndarray, count: np.ndarray, bend: np.ndarray
    ) -> None:
        self._values, self._y, self._count, self._bend = values, y, count, bend
        first = count.cumsum() - count
        self._square = np.add.reduceat(values[:, :, None] * values[:, None], first)
        self._product = np.add.reduceat(values * y[:, None], first)
        self._fold = np.random.default_rng(0).permutation(len(count)) % FOLDS
        self._floor = least_noise(torch.from_numpy(y))

    def mean_covariance_noise(self) -> tuple[Tensor, Tensor, float, str]:
        mean = self._mean()
        covariance, noise, rank = self._covariance(mean)
        said = f"{rank} principal component" + "s" * (rank != 1)
        return torch.from_numpy(mean), torch.from_numpy(covariance), noise, said

    def _mean(self) -> np.ndarray:
        """Least squares on all points, bent as little as suits tasks held out."""
        whole = self._square.sum(0), self._product.sum(0)
        scale = np.trace(whole[0]) / len(self._bend)
        errors = np.zeros(len(PENALTIES))
        for here in self._folds():
            square, product = (
                whole[0] - self._square[here].sum(0),
                whole[1] - self._product[here].sum(0),
            )
            for i, penalty in enumerate(PENALTIES):
                mean = self._solved(square, product, penalty * scale)
                errors[i] += mean @ self._square[here].sum(0) @ mean
                errors[i] -= 2 * mean @ self._product[here].sum(0)
        return self._solved(*whole, PENALTIES[_last_least(errors)] * scale)

    def _folds(self) -> Iterator[np.ndarray]:
        """Which tasks are held out; none where there is one task."""
        for number in range(FOLDS):
            here = self._fold == number
            if here.any() and not here.all():
                yield here

    def _solved(self, square: np.ndarray, product: np.ndarray, penalty: float) -> np.ndarray:
        ridge = penalty * self._bend + TINY * np.trace(square) / len(square) + TINY**2
        solved: np.ndarray = np.linalg.solve(square + np.diag(ridge), product)
        return solved

    def _covariance(self, mean: np.ndarray) -> tuple[np.ndarray, float, int]:
        """Of coefficients, as all pairs of a task's points have it; the noise; its rank."""
        pairs = Pairs(self._values, self._y - self._values @ mean, self._count, self._square)
        folds = [*self._folds()]
        moments = [pairs.moments(here) for here in (np.ones(len(self._count), bool), *folds)]
        (whole, right), *parts = moments
        penalty = (self._bend[:, None] + self._bend).ravel()
        scale = np.trace(whole) / len(whole)
        surprise = np.zeros(len(PENALTIES))
        for here, (square, product) in zip(folds, parts, strict=True):
            for i, smooth in enumerate(PENALTIES):
                found = self._smooth(whole - square, right - product, smooth * scale * penalty)
                noise = pairs.noise(found, ~here, self._floor)
                surprise[i] += pairs.surprise(found, noise, here)
        smooth = PENALTIES[_last_least(surprise)]
        found = self._smooth(whole, right, smooth * scale * penalty)
        noise = pairs.noise(found, np.ones(len(self._count), bool), self._floor)
        return found, noise, int(np.linalg.matrix_rank(found, tol=TINY * max(noise, 1e-300)))

    def _smooth(self, square: np.ndarray, product: np.ndarray, penalty: np.ndarray) -> np.ndarray:
        """The covariance of coefficients with the least penalised error, made one that can be."""
        size = len(self._bend)
        ridge = penalty + TINY * np.trace(square) / len(square) + TINY**2
        raw = np.linalg.solve(square + np.diag(ridge), product).reshape(size, size)
        gram = self._square.sum(0) / len(self._y)
        values, vectors = np.linalg.eigh(gram)
        root = np.sqrt(values.clip(TINY * values[-1]))
        there, back = vectors * root, vectors / root
        sizes, curves = np.linalg.eigh(there.T @ (raw + raw.T) @ there / 2)
        half = back @ curves * np.sqrt(sizes.clip(0))
        covariance: np.ndarray = half @ half.T
        return covariance


class Pairs:
    """What the points of a task come to, multiplied with each other, less the mean."""

    def __init__(
        self, values: np.ndarray, rest: np.ndarray, count: np.ndarray, square: np.ndarray
    ) -> None:
        self._values, self._rest, self._count, self._square = values, rest, count, square
        first = count.cumsum() - count
        self._task = np.repeat(np.arange(len(count)), count)
        self._product = np.add.reduceat(values * rest[:, None], first)
        self._energy = np.add.reduceat(rest**2, first)

    def moments(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of least squares on all pairs of two points of one of these tasks, which need two."""
        size = self._values.shape[1]
        which = which & (self._count > 1)
        square = self._square[which].reshape(-1, size * size)
        every = (square.T @ square).reshape(size, size, size, size).transpose(0, 2, 1, 3)
        own = self._product[which]
        at = which[self._task]
        values, rest = self._values[at], self._rest[at]
        twice = (values[:, :, None] * values[:, None]).reshape(-1, size * size)
        left = every.reshape(size * size, size * size) - twice.T @ twice
        return left, (own.T @ own).ravel() - twice.T @ rest**2

    def noise(self, covariance: np.ndarray, which: np.ndarray, floor: float) -> float:
        """What squares have beyond the covariance."""
        at = which[self._task]
        values = self._values[at]
        curve = ((values @ covariance) * values).sum(1)
        return max(floor, float((self._rest[at] ** 2 - curve).mean()))

    def surprise(self, covariance: np.ndarray, noise: float, which: np.ndarray) -> float:
        """Minus twice the log likelihood of these tasks, constants left out."""
        sizes, vectors = np.linalg.eigh(covariance)
        half = vectors * np.sqrt(sizes.clip(0))
        inner = half.T @ self._square[which] @ half + noise * np.eye(len(half))
        shared = self._product[which] @ half
        explained = np.einsum("tc,tc->t", shared, np.linalg.solve(inner, shared[..., None])[..., 0])
        count = self._count[which]
        spread = np.linalg.slogdet(inner)[1] + (count - len(half)) * np.log(noise)
        return float((spread + (self._energy[which] - explained) / noise).sum())


def _last_least(errors: np.ndarray) -> int:
    """The place of the least, and of several the last."""
    return len(errors) - 1 - int(np.argmin(errors[::-1]))
