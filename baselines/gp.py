"""What one would use without other tasks: a Gaussian process on the support points alone."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import torch
from annotated_types import Gt, MinLen
from jaxtyping import Float
from torch import Tensor

from baselines._untrained import Untrained
from benchmarks.core import Diagnosis, Predictor, Spread, Support
from benchmarks.core.search import OneOf, Space

Positive = Annotated[float, Gt(0)]
LEAST_VARIANCE = 1e-12  # keeps the likelihood of targets that are all the same finite
COARSE = 20
"""Lengths that are tried at first, from far below the distance of neighbours to far above all."""
SHORTEST = 1 / 3
LONGEST = 100.0
FINER = 3
"""How often the lengths beside the best one so far are tried, each time at half the distance."""
NEAREST = 1e-3
"""Points closer than this share of the largest distance count as one."""
USUAL, SPREAD = 0.5, 2.0
"""The prior of a length: log-normal around that share of the largest distance."""

NOISES = (
    *(1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.02, 0.03),
    *(0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0, 3.0, 10.0),
)


class Fit(NamedTuple):
    """What was found for each task, in double precision.

    `score` is the log likelihood, constants left out, and with a prior its logarithm is added.
    """

    length: Float[Tensor, "tasks 1 1"]
    noise: Float[Tensor, "tasks 1 1"]
    score: Float[Tensor, "tasks 1 1"]
    mean: Float[Tensor, "tasks 1 outputs"]
    weight: Float[Tensor, "tasks points outputs"]

    def or_better(self, other: "Fit") -> "Fit":
        """The better of the two for each task; this one where they are equal."""
        better = other.score > self.score
        return Fit(*(torch.where(better, *pair) for pair in zip(other, self, strict=True)))


@dataclass
class GP(Untrained):
    """Gaussian process regression (Rasmussen & Williams, 2006, algorithm 2.1), anew for each task.

    The kernel is that of scikit-learn's `ConstantKernel() * RBF() + WhiteKernel()`, around the
    mean of the support targets, and its parameters maximise the marginal likelihood (section
    5.4.1): noise over a grid, length over one that gets finer, the variance of the signal in closed
    form for each pair. A grid has no bad optima to get caught in, and all tasks go through it at
    once. With several outputs all have one length and noise, and each has its own variance.

    Lengths are looked for between a third of the distance of the nearest support points and a
    hundred times that of the farthest, under a weak prior: the few points of a task often say
    nothing about the length. Where a task's best pair is at the end of what was tried, `diagnose`
    says so (`at_bound`).

    Attributes:
        lengths: of the kernel, in the units of the inputs (a table's are standardised), to be tried
            instead, without a prior.
        noises: variances of the noise, each relative to that of the signal.
    """

    lengths: Annotated[tuple[Positive, ...], MinLen(1)] | None = None
    noises: Annotated[tuple[Positive, ...], MinLen(1)] = NOISES

    name: ClassVar[str] = "gp"
    search: ClassVar[Space] = {
        "lengths": OneOf((None, (0.5, 0.7, 1.0, 1.4, 2.0), (1.0, 2.0, 4.0, 8.0))),
        "noises": OneOf((NOISES, NOISES[6:], NOISES[10:])),
    }
    test_fields: ClassVar[Mapping[str, Any]] = {}

    def explain(self, support: Support) -> list[str]:
        fit, at_bound = self._maximised(support)
        return [
            f"an RBF kernel of length {length:g}, noise of {noise:g} times the signal's variance"
            + bool(bound) * " (the end of what was tried)"
            for length, noise, bound in zip(
                fit.length.flatten(), fit.noise.flatten(), at_bound, strict=True
            )
        ]

    def diagnose(self, support: Support) -> Diagnosis:
        """Length and noise of each task, and 1 where they are at the end of what was tried."""
        fit, at_bound = self._maximised(support)
        length, noise = fit.length.flatten(), fit.noise.flatten()
        return Diagnosis(measures={"length": length, "noise": noise, "at_bound": at_bound})

    def _fitted(self, support: Support) -> Predictor:
        """The posterior means, and the deviations of new observations from them."""
        fit, _ = self._maximised(support)

        def predict(x: Tensor) -> Tensor:
            near = correlation(squared_distances(x, support.x), fit.length)
            return (fit.mean + near @ fit.weight).to(support.y.dtype)

        def std(x: Tensor) -> Tensor:
            y = support.y.double()
            kernel = correlation(squared_distances(support.x, support.x), fit.length)
            root = torch.linalg.cholesky(
                kernel + fit.noise * torch.eye(kernel.shape[1], dtype=y.dtype, device=y.device)
            )
            near = correlation(squared_distances(x, support.x), fit.length)
            white = torch.linalg.solve_triangular(root, near.mT, upper=False)
            left = (1 + fit.noise - (white**2).sum(1, keepdim=True).mT).clamp_min(0)
            signal = ((y - fit.mean) * fit.weight).mean(1, keepdim=True).clamp_min(LEAST_VARIANCE)
            return (left * signal).sqrt().to(support.y.dtype)

        return Spread(predict, std)

    def _maximised(self, support: Support) -> tuple[Fit, Float[Tensor, " tasks"]]:
        """The best length and noise for each task, and 1 where one is at the end of its range."""
        y = support.y.double()
        squares = squared_distances(support.x, support.x)
        noises = torch.tensor(self.noises, dtype=y.dtype, device=y.device)
        if self.lengths is None:
            fit, low, high = searched(squares, y, noises)
        else:
            one = torch.ones_like(squares[:, :1, :1])
            fits = [fitted(squares, y, one * length, noises) for length in self.lengths]
            fit = functools.reduce(Fit.or_better, fits)
            low, high = one * min(self.lengths), one * max(self.lengths)
        ends = (fit.length <= low) | (fit.length >= high)
        drowned = (fit.noise >= noises.max()) & (noises.max() > noises.min())
        at_bound = ((ends & (low < high)) | drowned).flatten() & (y != y[:, :1]).any(2).any(1)
        return fit, at_bound.double()


def searched(
    squares: Float[Tensor, "tasks points points"],
    y: Float[Tensor, "tasks points outputs"],
    noises: Float[Tensor, " noises"],
) -> tuple[Fit, Float[Tensor, "tasks 1 1"], Float[Tensor, "tasks 1 1"]]:
    """The best of all lengths that suit the distances of a task's points, and their bounds."""
    distance = squares.sqrt()
    largest = distance.amax((1, 2), keepdim=True)
    largest = torch.where(largest > 0, largest, 1)
    apart = torch.where(distance > NEAREST * largest, distance, largest)
    low, high = SHORTEST * apart.amin((1, 2), keepdim=True), LONGEST * largest

    def tried(length: Tensor) -> Fit:
        unusual = (length / (USUAL * largest)).log() / SPREAD
        fit = fitted(squares, y, length, noises)
        return fit._replace(score=fit.score - unusual**2 / 2)

    ratio = (high / low) ** (1 / (COARSE - 1))
    lengths = [low * ratio**place for place in range(COARSE - 1)]
    best = functools.reduce(Fit.or_better, map(tried, (*lengths, high)))
    for _ in range(FINER):
        ratio, centre = ratio.sqrt(), best.length
        for length in (centre / ratio, centre * ratio):
            best = best.or_better(tried(length.clamp(low, high)))
    return best, low, high


def squared_distances(
    a: Float[Tensor, "tasks points features"], b: Float[Tensor, "tasks others features"]
) -> Float[Tensor, "tasks points others"]:
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(a.double(), b.double(), compute_mode=exact) ** 2


def correlation(squares: Tensor, length: Tensor | float) -> Tensor:
    """The RBF kernel, which is 1 at distance 0."""
    return torch.exp(-squares / (2 * length**2))


def fitted(
    squares: Float[Tensor, "tasks points points"],
    y: Float[Tensor, "tasks points outputs"],
    length: Float[Tensor, "tasks 1 1"],
    noises: Float[Tensor, " noises"],
) -> Fit:
    """The process of each task's length under the noise that makes its targets most likely.

    In the eigenvectors of the kernel, all noises cost hardly more than one.
    """
    points, outputs = y.shape[1:]
    mean = y.mean(1, keepdim=True)
    values, vectors = torch.linalg.eigh(correlation(squares, length))
    turned = vectors.mT @ (y - mean)
    noisy = values.clamp_min(0).unsqueeze(2) + noises
    variance = ((turned**2).mT @ (1 / noisy) / points).clamp_min(LEAST_VARIANCE)
    likelihood = -points / 2 * variance.log().sum(1) - outputs / 2 * noisy.log().sum(1)
    score, best = likelihood.max(1, keepdim=True)
    chosen = noisy.gather(2, best.unsqueeze(1).expand(-1, points, 1))
    noise = noises[best].unsqueeze(2)
    return Fit(length, noise, score.unsqueeze(2), mean, vectors @ (turned / chosen))
