"""What one would use without other tasks: a Gaussian process on the support points alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import torch
from annotated_types import Gt, MinLen
from jaxtyping import Float
from torch import Tensor

from baselines._untrained import Untrained
from benchmarks.core import Predictor, Support

Positive = Annotated[float, Gt(0)]
LEAST_VARIANCE = 1e-12  # keeps the likelihood of targets that are all the same finite


class Fit(NamedTuple):
    """What was found for each task, in double precision."""

    length: Float[Tensor, "tasks 1 1"]
    noise: Float[Tensor, "tasks 1 1"]
    likelihood: Float[Tensor, "tasks 1 1"]
    mean: Float[Tensor, "tasks 1 outputs"]
    weight: Float[Tensor, "tasks points outputs"]


@dataclass
class GP(Untrained):
    """Gaussian process regression (Rasmussen & Williams, 2006, algorithm 2.1), anew for each task.

    The kernel is that of scikit-learn's `ConstantKernel() * RBF() + WhiteKernel()`, around the
    mean of the support targets, and its parameters maximise the marginal likelihood (section
    5.4.1): length and noise over a grid, the variance of the signal in closed form for each pair.
    A grid has no bad optima to get caught in, and all tasks go through it at once. With several
    outputs all have one length and noise, and each has its own variance.

    Attributes:
        lengths: of the kernel, in the units of the inputs (a table's are standardised).
        noises: variances of the noise, each relative to that of the signal.
    """

    lengths: Annotated[tuple[Positive, ...], MinLen(1)] = (
        *(0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0),
        *(2.5, 3.2, 4.0, 5.0, 6.3, 8.0, 10.0),
    )
    noises: Annotated[tuple[Positive, ...], MinLen(1)] = (
        *(1e-8, 1e-6, 1e-4, 1e-3),
        *(0.01, 0.03, 0.1, 0.3, 1.0),
    )

    name: ClassVar[str] = "gp"
    test_fields: ClassVar[Mapping[str, Any]] = {"lengths": (0.5, 2.0, 8.0)}

    def explain(self, support: Support) -> list[str]:
        fit = self._maximised(support)
        return [
            f"an RBF kernel of length {length:g}, noise of {noise:g} times the signal's variance"
            for length, noise in zip(fit.length.flatten(), fit.noise.flatten(), strict=True)
        ]

    def _fitted(self, support: Support) -> Predictor:
        """The posterior means."""
        fit = self._maximised(support)

        def predict(x: Tensor) -> Tensor:
            near = correlation(squared_distances(x, support.x), fit.length)
            return (fit.mean + near @ fit.weight).to(support.y.dtype)

        return predict

    def _maximised(self, support: Support) -> Fit:
        """The most likely point of the grid for each task; the first where several are."""
        y = support.y.double()
        mean = y.mean(1, keepdim=True)
        squares = squared_distances(support.x, support.x)
        best: Fit | None = None
        for length in self.lengths:
            related = correlation(squares, length)
            for noise in self.noises:
                likelihood, weight = marginal(related, noise, y - mean)
                full = torch.full_like(likelihood, 1)
                new = Fit(full * length, full * noise, likelihood, mean, weight)
                if best is not None:
                    better = likelihood > best.likelihood
                    pairs = zip(new, best, strict=True)
                    new = Fit(*(torch.where(better, one, other) for one, other in pairs))
                best = new
        assert best is not None
        return best


def squared_distances(
    a: Float[Tensor, "tasks points features"], b: Float[Tensor, "tasks others features"]
) -> Float[Tensor, "tasks points others"]:
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(a.double(), b.double(), compute_mode=exact) ** 2


def correlation(squares: Tensor, length: Tensor | float) -> Tensor:
    """The RBF kernel, which is 1 at distance 0."""
    return torch.exp(-squares / (2 * length**2))


def marginal(
    related: Float[Tensor, "tasks points points"],
    noise: float,
    y: Float[Tensor, "tasks points outputs"],
) -> tuple[Float[Tensor, "tasks 1 1"], Float[Tensor, "tasks points outputs"]]:
    """The log likelihood at the best variance of the signal, and the weights of the kernels.

    Constants are left out.
    """
    points, outputs = y.shape[1:]
    eye = torch.eye(points, dtype=y.dtype, device=y.device)
    root = torch.linalg.cholesky(related + noise * eye)
    weight = torch.cholesky_solve(y, root)
    variance = ((y * weight).sum(1, keepdim=True) / points).clamp_min(LEAST_VARIANCE)
    spread = root.diagonal(dim1=1, dim2=2).log().sum(1).view(-1, 1, 1)
    return -points / 2 * variance.log().sum(2, keepdim=True) - outputs * spread, weight
