"""Tasks as draws from a normal distribution of coefficients, and how likely they are from it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

ROUNDING = float(np.finfo(float).eps)


class Population(NamedTuple):
    """Curves are sums of c functions, times coefficients that are normal; points have noise.

    `mean` is of shape (c,), `covariance` of (c, c), and `noise` a variance.
    """

    mean: np.ndarray
    covariance: np.ndarray
    noise: float


class _Apart(NamedTuple):
    """Of each task a root L of the covariance in whose columns its points do not overlap.

    `squares`, of shape (tasks, c), are the diagonal of L'B'BL, which has nothing else, and
    `product` is L'B'y. Where that is rounding alone, both are 0: its points tell nothing there.
    """

    half: np.ndarray
    squares: np.ndarray
    product: np.ndarray


@dataclass(frozen=True)
class Sums:
    """All that a likelihood needs of some tasks, of which one has values B and targets y.

    Attributes:
        square: B'B, of shape (tasks, c, c).
        product: B'y, of shape (tasks, c).
        energy: y'y, of shape (tasks,).
        count: of its points, of shape (tasks,).
    """

    square: np.ndarray
    product: np.ndarray
    energy: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, y: np.ndarray, count: np.ndarray) -> "Sums":
        """Points, task after task; `count` says how many each has."""
        first = count.cumsum() - count
        square = np.add.reduceat(values[:, :, None] * values[:, None], first)
        product = np.add.reduceat(values * y[:, None], first)
        return cls(square, product, np.add.reduceat(y**2, first), count)

    def some(self, which: np.ndarray) -> "Sums":
        return Sums(self.square[which], self.product[which], self.energy[which], self.count[which])

    def less(self, mean: np.ndarray) -> "Sums":
        """With the curve of these coefficients taken from all targets."""
        shared = self.square @ mean
        energy = self.energy - self.product @ mean * 2 + shared @ mean
        return Sums(self.square, self.product - shared, energy.clip(0), self.count)

    def surprise(self, population: Population) -> float:
        """Minus twice the log likelihood of the tasks, constants left out."""
        rest, noise = self.less(population.mean), population.noise
        apart = rest._apart(population)
        sizes = apart.squares + noise
        explained = (apart.product**2 / sizes).sum(1)
        spread = np.log(sizes).sum(1) + (rest.count - sizes.shape[1]) * np.log(noise)
        return float((spread + (rest.energy - explained).clip(0) / noise).sum())

    def _apart(self, population: Population) -> "_Apart":
        """What the points of each task tell apart.

        A matrix to be solved would be singular where the noise is lost in rounding.
        """
        values, vectors = np.linalg.eigh(population.covariance)
        root = vectors * np.sqrt(values.clip(0))
        squares, turn = np.linalg.eigh(root.T @ self.square @ root)
        half = root @ turn
        told = squares > ROUNDING * len(root) * squares[:, -1:]
        product = (half.transpose(0, 2, 1) @ self.product[..., None])[..., 0]
        return _Apart(half, np.where(told, squares, 0), np.where(told, product, 0))

    def likelier(self, population: Population, ridge: np.ndarray, floor: float) -> Population:
        """What makes the tasks likelier: a step of EM (James, Hastie & Sugar, 2000, section 3).

        `ridge` is the penalty of each coefficient of the mean, and `floor` the least noise.
        """
        mean, noise = population.mean, population.noise
        rest, points = self.less(mean), self.count.sum()
        half, squares, product = rest._apart(population)
        sizes = squares + noise
        # of each task, the posterior covariance and mean of what strays from the mean
        own = half * (noise / sizes)[:, None] @ half.transpose(0, 2, 1)
        stray = (half @ (product / sizes)[..., None])[..., 0]
        fitted = (rest.square @ stray[..., None])[..., 0]
        energy = rest.energy - (product**2 * (squares + 2 * noise) / sizes**2).sum(1)
        unsure = (noise * squares / sizes).sum(1)
        whole = self.square.sum(0) + np.diag(ridge)
        right = self.product.sum(0) - fitted.sum(0)
        spread = own.mean(0) + stray.T @ stray / len(stray)
        return Population(
            np.linalg.solve(whole, right),
            spread,
            max(floor, float((energy.clip(0) + unsure).sum() / points)),
        )
