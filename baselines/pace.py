"""Curves by conditional expectation: the mean and the covariance of the training tasks' (PACE)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge

from baselines._coefficients import Coefficients, conditioned, least_noise
from baselines._episodic import Count
from baselines._kept import Fit, Keeper, Tasks
from baselines._population import Population, Sums
from baselines._splines import splines
from benchmarks.core import Predictor, Support
from benchmarks.core.search import Space, Whole

FOLDS = 5
PENALTIES = tuple(10.0**power for power in range(-7, 3))
"""That are tried, from hardly any smoothing to hardly anything but straight lines."""
STEPS = 0, 1, 3, 10, 30, 100
"""Of EM, that are tried."""
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
    From a few dozen tasks such moments are poor: some steps of EM make all tasks likelier (James,
    Hastie & Sugar, 2000), as many as tasks held out are best with. With several outputs each has a
    mean and a covariance of its own.

    Attributes:
        functions: of a smooth beside lines, at most: the least wiggly ones.
        most_steps: of EM; 0 is the paper's method, by moments alone.
        most_tasks: training tasks that are kept, a sample of those drawn. A task that is drawn
            again counts once where all its points are drawn each time, else each time.
        train_queries: points of a training task beside one, at most.
    """

    most_tasks: Count = 2000
    functions: Annotated[int, Ge(0)] = 12
    most_steps: Annotated[int, Ge(0)] = 100

    name: ClassVar[str] = "pace"
    search: ClassVar[Space] = {"functions": Whole(4, 24)}
    effort: ClassVar[float] = 1e-4
    later: ClassVar[Mapping[str, Any]] = {"most_steps": 0}
    test_fields: ClassVar[Mapping[str, Any]] = {"functions": 4}

    def explain(self, support: Support) -> list[str]:
        return [", ".join(it.said for it in self._model())] * len(support)

    def _fitter(self) -> Fit:
        return Fitter(self.functions, self.most_steps)

    def _told(self, model: Any, support: Support) -> Predictor:
        return conditioned(model, support)


@dataclass(frozen=True)
class Fitter:
    """What makes of tasks the population that each output's curves are of."""

    functions: int
    most_steps: int

    def __call__(self, tasks: Tasks) -> list[Coefficients]:
        basis = splines(tasks.x, self.functions)
        values = basis(torch.from_numpy(tasks.x).unsqueeze(0))[0].numpy()
        bend = basis.bend.double().numpy()
        found = []
        for y in tasks.y.astype(float).T:
            smoothing = Smoothing(values, y, tasks.count, bend)
            mean, covariance, noise = smoothing.population(self.most_steps)
            rank = int(np.linalg.matrix_rank(covariance, tol=TINY * noise, hermitian=True))
            said = f"{rank} principal component" + "s" * (rank != 1)
            numbers = torch.from_numpy(mean), torch.from_numpy(covariance)
            found.append(Coefficients(basis, *numbers, noise, said))
        return found


class Smoothing:
    """Points of one output, as values of functions, and all that smooths of them are made of.

    `bend` is 1 for functions that a penalty is for, and else 0.
    """

    def __init__(
        self, values: np.ndarray, y: np.ndarray, count: np.ndarray, bend: np.ndarray
    ) -> None:
        self._values, self._y, self._bend = values, y, bend
        self._task = np.repeat(np.arange(len(count)), count)
        self._sums = Sums.of(values, y, count)
        self._fold = np.random.default_rng(0).permutation(len(count)) % FOLDS
        self._floor = least_noise(torch.from_numpy(y))

    def population(self, most_steps: int) -> Population:
        """By moments, smoothed as suits tasks held out, and then made likelier as suits them."""
        everything = np.ones(len(self._fold), bool)
        mean, ridge = self._mean()
        rest = self._y - self._values @ mean
        whole, right = self._moments(rest, everything)
        scale = np.trace(whole) / len(whole)
        tried = [smooth * scale for smooth in PENALTIES]
        parts = [(here, *self._moments(rest, here)) for here in self._folds()]

        def rough(here: np.ndarray, square: np.ndarray, right: np.ndarray, by: float) -> Population:
            covariance = self._covariance(square, right, by)
            return Population(mean, covariance, self._noise(rest, covariance, here))

        surprise = np.zeros(len(tried))
        for held, square, product in parts:
            for i, by in enumerate(tried):
                found = rough(~held, whole - square, right - product, by)
                surprise[i] += self._sums.some(held).surprise(found)
        by = tried[_last_least(surprise)]
        starts = [
            (it, rough(~it, whole - left, right - product, by)) for it, left, product in parts
        ]
        steps = self._steps(starts, ridge, most_steps)
        found = rough(everything, whole, right, by)
        for _ in range(steps):
            found = self._sums.likelier(found, ridge, self._floor)
        return found

    def _steps(
        self, starts: Sequence[tuple[np.ndarray, Population]], ridge: np.ndarray, most: int
    ) -> int:
        """Of EM, after which tasks held out are likeliest; no more are tried than seem to help."""
        at = dict(enumerate(starts))
        best, chosen = np.inf, 0
        for before, steps in pairwise((0, *(it for it in STEPS if it <= most))):
            surprise = 0.0
            for fold, (held, found) in at.items():
                others = self._sums.some(~held)
                for _ in range(before, steps):
                    found = others.likelier(found, ridge, self._floor)
                at[fold] = held, found
                surprise += self._sums.some(held).surprise(found)
            if surprise >= best:
                break
            best, chosen = surprise, steps
        return chosen

    def _mean(self) -> tuple[np.ndarray, np.ndarray]:
        """Least squares on all points, bent as little as suits tasks held out; and its penalty."""
        whole, right = self._sums.square.sum(0), self._sums.product.sum(0)
        least = TINY * np.trace(whole) / len(whole) + TINY**2
        tried = [it * self._bend * np.trace(whole) / len(whole) + least for it in PENALTIES]
        errors = np.zeros(len(tried))
        for here in self._folds():
            square = self._sums.square[here].sum(0)
            product = self._sums.product[here].sum(0)
            for i, ridge in enumerate(tried):
                mean = np.linalg.solve(whole - square + np.diag(ridge), right - product)
                errors[i] += mean @ square @ mean - 2 * mean @ product
        ridge = tried[_last_least(errors)]
        return np.linalg.solve(whole + np.diag(ridge), right), ridge

    def _folds(self) -> Iterator[np.ndarray]:
        """Which tasks are held out; none where there is one task."""
        for number in range(FOLDS):
            here = self._fold == number
            if here.any() and not here.all():
                yield here

    def _moments(self, rest: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of least squares on all pairs of two points of one of these tasks, which need two."""
        size = self._values.shape[1]
        which = which & (self._sums.count > 1)
        sums = Sums.of(self._values, rest, self._sums.count).some(which)
        square = sums.square.reshape(-1, size * size)
        every = (square.T @ square).reshape(size, size, size, size).transpose(0, 2, 1, 3)
        at = which[self._task]
        values, rest = self._values[at], rest[at]
        twice = (values[:, :, None] * values[:, None]).reshape(-1, size * size)
        left = every.reshape(size * size, size * size) - twice.T @ twice
        return left, (sums.product.T @ sums.product).ravel() - twice.T @ rest**2

    def _covariance(self, square: np.ndarray, product: np.ndarray, penalty: float) -> np.ndarray:
        """Of coefficients, with the least penalised error, and made a covariance."""
        size = len(self._bend)
        ridge = penalty * (self._bend[:, None] + self._bend).ravel()
        ridge = ridge + TINY * np.trace(square) / len(square) + TINY**2
        raw = np.linalg.solve(square + np.diag(ridge), product).reshape(size, size)
        values, vectors = np.linalg.eigh(self._sums.square.sum(0) / len(self._y))
        root = np.sqrt(values.clip(TINY * values[-1]))
        there, back = vectors * root, vectors / root
        sizes, curves = np.linalg.eigh(there.T @ (raw + raw.T) @ there / 2)
        half = back @ curves * np.sqrt(sizes.clip(0))
        covariance: np.ndarray = half @ half.T
        return covariance

    def _noise(self, rest: np.ndarray, covariance: np.ndarray, which: np.ndarray) -> float:
        """What squares have beyond the covariance."""
        at = which[self._task]
        values = self._values[at]
        curve = ((values @ covariance) * values).sum(1)
        return max(self._floor, float((rest[at] ** 2 - curve).mean()))


def _last_least(errors: np.ndarray) -> int:
    """The place of the least, and of several the last."""
    return len(errors) - 1 - int(np.argmin(errors[::-1]))
