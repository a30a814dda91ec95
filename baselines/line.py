"""What one would draw through a few points by hand: a polynomial of as low a degree as will do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le
from jaxtyping import Float, Int
from torch import Tensor

from baselines._untrained import Untrained
from benchmarks.core import Choice, Diagnosis, Predictor, Support
from benchmarks.core.search import Space, Whole

SMALLEST = 1e-9
"""Singular values below this share of the largest are none: of inputs that are all the same."""
TOO_SURE = 1e-6
"""A point whose leverage is nearer to 1 than this is met by the curve wherever it lies."""
WORTHWHILE = 1e-9
"""A higher degree is taken if it makes the error smaller by more than this share of the spread."""


@dataclass
class Line(Untrained):
    """Least squares on the support points of each task alone, the degree by cross-validation.

    A polynomial of degree p has the powers 1 to p of each input and no products of inputs. The
    degree is the one from 0 (the support mean) up to `most_degree` with the least error when each
    support point in turn is predicted from the others. A straight line needs one point more than it
    has terms to be tried, a higher degree two, as with one alone errors are small by chance and
    curves bend far. With several outputs all have one degree. Where some terms cannot be told apart
    (an input is constant) they share what they explain: the solution of the least norm.

    It gives no standard deviation: from so few points its own would be an accident.

    Attributes:
        most_degree: the highest degree that is tried.
    """

    most_degree: Annotated[int, Ge(0), Le(9)] = 3

    name: ClassVar[str] = "line"
    search: ClassVar[Space] = {"most_degree": Whole(0, 5)}
    test_fields: ClassVar[Mapping[str, Any]] = {}

    def explain(self, support: Support) -> list[str]:
        names = "a constant", "a straight line", "a quadratic", "a cubic"
        degrees = self._chosen(support).degree.tolist()
        return [names[it] if it < len(names) else f"a polynomial of degree {it}" for it in degrees]

    def diagnose(self, support: Support) -> Diagnosis:
        """The degree of each task."""
        return Diagnosis({"degree": Choice(self._chosen(support).degree, self.most_degree + 1)})

    def _fitted(self, support: Support) -> Predictor:
        fit = self._chosen(support)

        def predict(x: Tensor) -> Tensor:
            return (fit.terms(x) @ fit.weight).to(support.y.dtype)

        return predict

    def _chosen(self, support: Support) -> "Fit":
        x, y = support.x.double(), support.y.double()
        centre = (x.amax(1, keepdim=True) + x.amin(1, keepdim=True)) / 2
        half = (x.amax(1, keepdim=True) - x.amin(1, keepdim=True)) / 2
        half = torch.where(half > 0, half, 1)
        fits = [fitted(x, y, centre, half, degree) for degree in range(self._highest(x) + 1)]
        least = WORTHWHILE * y.var(1, correction=0).mean(1)
        best = fits[0]
        for other in fits[1:]:
            best = best.or_better(other, least)
        return best

    def _highest(self, x: Tensor) -> int:
        points, features = x.shape[1:]
        straight = points - 2 >= features
        return min(self.most_degree, max(straight, (points - 3) // features))


@dataclass(frozen=True)
class Fit:
    """A polynomial for each task, in double precision; coefficients it lacks are 0."""

    centre: Float[Tensor, "tasks 1 features"]
    half: Float[Tensor, "tasks 1 features"]
    degree: Int[Tensor, " tasks"]
    error: Float[Tensor, " tasks"]
    weight: Float[Tensor, "tasks terms outputs"]
    highest: int

    def terms(self, x: Float[Tensor, "tasks points features"]) -> Tensor:
        return terms((x.double() - self.centre) / self.half, self.highest)

    def or_better(self, other: "Fit", least: Float[Tensor, " tasks"]) -> "Fit":
        """`other`, of a higher degree, where its error is smaller by more than `least`."""
        better = other.error < self.error - least
        rows = better.view(-1, 1, 1)
        more = other.weight.shape[1] - self.weight.shape[1]
        pad = torch.nn.functional.pad
        return Fit(
            self.centre,
            self.half,
            torch.where(better, other.degree, self.degree),
            torch.where(better, other.error, self.error),
            torch.where(rows, other.weight, pad(self.weight, (0, 0, 0, more))),
            other.highest,
        )


def terms(x: Float[Tensor, "tasks points features"], degree: int) -> Tensor:
    """1, then the inputs, their squares, and so on."""
    powers = [x**power for power in range(1, degree + 1)]
    return torch.cat([torch.ones_like(x[..., :1]), *powers], 2)


def fitted(x: Tensor, y: Tensor, centre: Tensor, half: Tensor, degree: int) -> Fit:
    """Least squares of one degree, and its error when each point is predicted from the others."""
    design = terms((x - centre) / half, degree)
    left, values, right = torch.linalg.svd(design, full_matrices=False)
    real = values > SMALLEST * values[:, :1]
    upside = torch.where(real, 1 / values, 0).unsqueeze(1)
    left = left * real.unsqueeze(1)
    weight = (right.mT * upside) @ (left.mT @ y)
    free = 1 - (left**2).sum(2, keepdim=True)
    told = (free > TOO_SURE).all(1, keepdim=True)
    error = torch.where(told, ((y - design @ weight) / free) ** 2, torch.inf).mean((1, 2))
    degrees = torch.full_like(error, degree, dtype=torch.int64)
    return Fit(centre, half, degrees, error, weight, degree)
