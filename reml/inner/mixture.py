"""A mixture of priors for last layers, fitted to many tasks by expectation-maximisation.

What the weights of a last layer are differs from task to task; of one kind of tasks it may be a
Gaussian, of several kinds it is not. Each prior is what `reml.inner.head` takes: a mean, the root
of a covariance and the variance of the noise. Given the features, both steps are exact (Dempster,
Laird & Rubin, 1977; for each prior those of a linear mixed model, Laird & Ware, 1982); of several
outputs, noises and covariance are improved in turn. Every step makes the targets more probable,
where a gradient, which all priors share, leaves them alike.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

STEPS = 20
FLOOR = 1e-3
"""Added to the sum of squares of each coordinate's weights: no prior is sure of them."""
SUREST = 1e-3
"""The least variance of noise, in units of the targets': priors that are surer than that of tasks
which they have got wrong are so at any price."""
FEWEST = 3.0
"""Tasks that a prior has to have to be fitted to them."""


TOUCHED = 1e-4
"""Probability with which a task has to be a prior's to count for it."""


class Priors(NamedTuple):
    """What tasks of several kinds believe of their last layer's weights.

    Attributes:
        mean: of the weights.
        root: L, covariances being L Lᵀ times the variance of the noise.
        noise: its variance.
        log_share: the logarithm of how many tasks have each; the shares sum to 1.
    """

    mean: Float[Tensor, "priors inputs outputs"]
    root: Float[Tensor, "priors inputs inputs"]
    noise: Float[Tensor, "priors outputs"]
    log_share: Float[Tensor, " priors"]


class Points(NamedTuple):
    """Features and targets of tasks; in double precision, 0 where a point is not `real`."""

    x: Float[Tensor, "tasks points inputs"]
    y: Float[Tensor, "tasks points outputs"]
    real: Bool[Tensor, "tasks points"]

    @classmethod
    def of(cls, x: Tensor, y: Tensor, real: Tensor) -> "Points":
        there = real.unsqueeze(2)
        return cls(torch.where(there, x, 0.0).double(), torch.where(there, y, 0.0).double(), real)


class _Believed(NamedTuple):
    """What one prior makes of the tasks' points."""

    log_likelihood: Float[Tensor, " tasks"]
    weight: Float[Tensor, "tasks inputs outputs"]
    chol: Float[Tensor, "tasks inputs inputs"]
    """L of the precision L Lᵀ of the weights, where the prior is standard normal."""


def fitted(points: Points, noise: Float[Tensor, " outputs"], priors: int, seed: int) -> Priors:
    """So many priors, in coordinates in which weights differ by much the same in all directions.

    Args:
        points: of many tasks.
        noise: its variance, about.
        priors: how many; those that hardly a task has stay as they are, with a share of nearly 0.
        seed: of the clusters of weights to begin with.
    """
    found = _begin(points, noise, priors, seed)
    for _ in range(STEPS):
        believed = [_believe(points, found, prior) for prior in range(priors)]
        likely = torch.stack([it.log_likelihood for it in believed], 1)
        share = torch.softmax(likely + found.log_share, 1)
        columns = [
            _improve(points, found, prior, it, share[:, prior]) for prior, it in enumerate(believed)
        ]
        mean, root, variance = map(torch.stack, zip(*columns, strict=True))
        total = share.sum(0).clamp_min(1e-3)
        found = Priors(mean, root, variance, (total / total.sum()).log())
    return found


def _begin(points: Points, noise: Float[Tensor, " outputs"], priors: int, seed: int) -> Priors:
    """Clusters of the weights that a standard normal prior finds."""
    from sklearn.cluster import KMeans  # takes over a second, and most learners mix nothing

    outputs, size = points.y.shape[2], points.x.shape[2]
    eye = torch.eye(size, dtype=torch.float64)
    noise = noise.double().expand(priors, -1)
    one = Priors(torch.zeros(1, size, outputs).double(), eye[None], noise[:1], torch.zeros(1))
    # the prior's deviation is 1, not that of the noise
    loose = one._replace(root=eye[None] / noise[:1].mean().sqrt())
    weight = _believe(points, loose, 0).weight
    clusters = KMeans(min(priors, len(weight)), n_init=1, random_state=seed)
    member = torch.as_tensor(clusters.fit_predict(weight.flatten(1).numpy())).long()
    mean, root = [], []
    for prior in range(priors):
        mine = weight[member == prior]
        centre = mine.mean(0) if len(mine) else weight.mean(0)
        away = (mine - centre).movedim(2, 1).flatten(0, 1)
        covariance = away.mT @ away / max(1, len(away)) + 0.05 * eye
        mean.append(centre)
        root.append(torch.linalg.cholesky(covariance / noise[prior].mean()))
    count = torch.bincount(member, minlength=priors).double().clamp_min(1.0)
    return Priors(torch.stack(mean), torch.stack(root), noise, (count / count.sum()).log())


def _believe(points: Points, priors: Priors, prior: int) -> _Believed:
    mean, root, noise = priors.mean[prior], priors.root[prior], priors.noise[prior]
    z = points.x @ root
    eye = torch.eye(z.shape[2], dtype=z.dtype)
    chol = torch.linalg.cholesky(z.mT @ z + eye)
    residual = points.y - points.x @ mean
    seen = z.mT @ residual
    explained = torch.cholesky_solve(seen, chol)
    misfit = (residual.square().sum(1) - (seen * explained).sum(1)) / noise
    count = points.real.sum(1)
    log_likelihood = (
        -(
            misfit.sum(1)
            + 2 * len(noise) * chol.diagonal(dim1=1, dim2=2).log().sum(1)
            + count * (noise.log().sum() + len(noise) * math.log(2 * math.pi))
        )
        / 2
    )
    return _Believed(log_likelihood, mean + root @ explained, chol)


def _improve(
    points: Points, priors: Priors, prior: int, believed: _Believed, share: Float[Tensor, " tasks"]
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, root and noise that make the points most probable, as far as they are of this prior."""
    before, root = priors.noise[prior], priors.root[prior]
    if share.sum() < FEWEST:
        return priors.mean[prior], root, before
    mine = share > TOUCHED
    share, believed = share[mine], _Believed(*(part[mine] for part in believed))
    points = Points(*(part[mine] for part in points))
    total = share.sum()
    spread = root @ torch.cholesky_inverse(believed.chol) @ root.mT
    mean = torch.einsum("t,tio->io", share, believed.weight) / total
    away = believed.weight - mean
    left = (points.y - points.x @ believed.weight).square().sum(1)
    unsure = ((points.x @ spread) * points.x).sum((1, 2))
    missed = share @ (left + unsure.unsqueeze(1) * before)
    count = share @ points.real.sum(1).double()
    if len(before) > 1:
        # one covariance for all outputs, times each one's noise: that is in their weights, too
        precise = torch.cholesky_inverse(root)
        missed = missed + torch.einsum("t,tio,ij,tjo->o", share, away, precise, away)
        missed = missed + before * torch.einsum("t,tij,ji->", share, spread, precise)
        count = count + total * len(root)
    noise = (missed / count).clamp_min(SUREST)
    # in units of each output's noise, whose covariances are one
    own = torch.einsum("t,tio,tjo,o->ij", share, away, away, 1 / noise)
    known = torch.einsum("t,tij->ij", share, spread) * (before / noise).sum()
    floor = FLOOR * (1 / noise).sum() * torch.eye(len(own), dtype=own.dtype)
    covariance = (own + known + floor) / (total * len(noise))
    return mean, torch.linalg.cholesky(covariance), noise
