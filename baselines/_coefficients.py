"""Curves that are sums of known functions, with a normal prior of the coefficients, and noise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import Predictor, Spread, Support

ROUNDING = torch.finfo(torch.float64).eps


@dataclass(frozen=True)
class Coefficients:
    """What is known before a task is seen, in double precision.

    `functions` maps inputs of shape (tasks, points, features) to values of shape (tasks, points,
    coefficients); `noise` is a variance above 0; `said` is for people.
    """

    functions: Callable[[Tensor], Tensor]
    mean: Float[Tensor, " coefficients"]
    covariance: Float[Tensor, "coefficients coefficients"]
    noise: float
    said: str

    def given(self, x: Tensor, y: Float[Tensor, "tasks points 1"]) -> "Known":
        """The posterior given the support points of each task."""
        values = self.functions(x)
        mean, root = self.mean.to(x.device), self._root().to(x.device)
        residual = y.double() - (values @ mean).unsqueeze(2)
        # as an equation to be solved it may be singular, where noise is lost in rounding
        left, sizes, right = torch.linalg.svd(values @ root, full_matrices=False)
        told = sizes > ROUNDING * max(values.shape[1:]) * sizes[:, :1]
        sizes = torch.where(told, sizes, 0).unsqueeze(2)
        half, share = root @ right.mT, sizes / (sizes.square() + self.noise)
        weight = mean.unsqueeze(1) + half @ (share * (left.mT @ residual))
        known = half * (sizes * share).mT
        return Known(self, weight, root @ root.mT - known @ half.mT)

    def _root(self) -> Tensor:
        values, vectors = torch.linalg.eigh(self.covariance)
        return vectors * values.clamp_min(0).sqrt()


@dataclass(frozen=True)
class Known:
    """What the coefficients of each task are, given its support points."""

    prior: Coefficients
    weight: Float[Tensor, "tasks coefficients 1"]
    covariance: Float[Tensor, "tasks coefficients coefficients"]

    def mean(self, x: Tensor) -> Float[Tensor, "tasks points 1"]:
        return self.prior.functions(x) @ self.weight

    def variance(self, x: Tensor) -> Float[Tensor, "tasks points 1"]:
        """Of new observations, noise included."""
        values = self.prior.functions(x)
        left = ((values @ self.covariance) * values).sum(2, keepdim=True).clamp_min(0)
        return left + self.prior.noise


def conditioned(priors: Sequence[Coefficients], support: Support) -> Predictor:
    """The posterior means, each output with a prior of its own, and deviations of observations."""
    known = [it.given(support.x, support.y[..., i : i + 1]) for i, it in enumerate(priors)]

    def predict(x: Tensor) -> Tensor:
        return torch.cat([it.mean(x) for it in known], 2).to(support.y.dtype)

    def std(x: Tensor) -> Tensor:
        return torch.cat([it.variance(x) for it in known], 2).sqrt().to(support.y.dtype)

    return Spread(predict, std)


def least_noise(y: Tensor) -> float:
    """What the variance of noise is at least, where these are the targets."""
    return 1e-10 * float((y.double() ** 2).mean()) + 1e-30
