"""The last layer of a composed network as Bayesian linear regression: prior, posterior, evidence.

With features φ(x) of one network a task, f(x) = m(x) + ψ(x)·w: m is the pool's output layer, ψ the
features where the prior of w is standard normal (`coordinates`), and targets are f plus noise of
variance σ² (both relative to σ²; one σ² for each output). The posterior given k points is
exact and needs a Cholesky factor of the k×k matrix I + ψψᵀ, in double precision (Rasmussen &
Williams, 2006, section 2.1; as the last layer of a meta-learner Harrison, Sharma & Pavone, ALPaCA,
2018; in classification, ridge regression on one-hot targets, Bertinetto et al., R2-D2, 2019).
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

LEAST_NOISE = 1e-6
"""Variance, in standardised units; keeps the likelihood of noise-free tasks finite."""


class Prior(NamedTuple):
    """What each task's head believes before it has seen a point.

    Attributes:
        root: L; with one number an input where the prior has no covariances, (tasks, 1, inputs+1).
        log_noise: of the variance of the noise, each output.
        gate: 1 where a network stands before the head; 0 where it reads the inputs themselves.
        direct: weights, biases and prior deviations of heads that read the inputs, where some do.
    """

    root: Float[Tensor, "tasks inputs1 rank"]
    log_noise: Float[Tensor, "tasks 1 outputs"]
    gate: Float[Tensor, "tasks 1 1"] | None = None
    direct: tuple[Tensor, Tensor, Tensor] | None = None

    @property
    def noise(self) -> Float[Tensor, "tasks 1 outputs"]:
        """The variance of the noise."""
        return self.log_noise.double().exp() + LEAST_NOISE


class Posterior(NamedTuple):
    """What a head believes after some points; in double precision.

    Attributes:
        weight: posterior mean of w, (tasks, rank, outputs).
        white: ψᵀ L⁻ᵀ of those points, L being the Cholesky factor: what they explain. None of
            `prototypes`, which say nothing of how sure they are.
        offset: what is added for each output; None is nothing.
    """

    weight: Float[Tensor, "tasks rank outputs"]
    white: Float[Tensor, "tasks rank points"] | None
    offset: Float[Tensor, "tasks 1 outputs"] | None = None

    def answer(
        self, psi: Float[Tensor, "tasks points rank"]
    ) -> Float[Tensor, "tasks points outputs"]:
        """What is added to the prior mean at these points."""
        if self.offset is None:
            return torch.bmm(psi, self.weight.to(psi.dtype))
        # the square of a distance, of which single precision leaves nothing where points lie close
        return torch.baddbmm(self.offset, psi.double(), self.weight).to(psi.dtype)


class Likelihood(NamedTuple):
    """Minus log densities of targets, in nats a point and output, and what they were made of.

    Attributes:
        joint: of support and query points together.
        evidence: of the support points; not divided by their number.
        conditional: of the query points together given the support points.
        predictive: the mean of those of single query points given the support points.
        mean: of the predictive distribution of the query points.
    """

    joint: Float[Tensor, " tasks"]
    evidence: Float[Tensor, " tasks"]
    conditional: Float[Tensor, " tasks"]
    predictive: Float[Tensor, " tasks"]
    mean: Float[Tensor, "tasks points outputs"]


def coordinates(
    hidden: Float[Tensor, "tasks points inputs"], root: Float[Tensor, "tasks inputs1 rank"]
) -> Float[Tensor, "tasks points rank"]:
    """ψ: the features, and a 1 for the bias, where the prior is standard normal."""
    if root.shape[1] == 1:
        one = root[..., -1:].expand(-1, hidden.shape[1], -1)
        return torch.cat([hidden * root[..., :-1], one], 2)
    return torch.baddbmm(root[:, -1:], hidden, root[:, :-1])


def solved(
    psi: Float[Tensor, "tasks points rank"], residual: Float[Tensor, "tasks points outputs"]
) -> Posterior:
    """The posterior given what the prior mean leaves unexplained at these points."""
    psi, residual = psi.double(), residual.double()
    root = _root(psi @ psi.mT)
    white = torch.linalg.solve_triangular(root, psi, upper=False).mT
    left = torch.linalg.solve_triangular(root, residual, upper=False)
    return Posterior(white @ left, white)


def prototypes(
    psi: Float[Tensor, "tasks points rank"], classes: Float[Tensor, "tasks points ways"]
) -> Posterior:
    """Minus the squared distance from each class's mean, but for what all classes share.

    As in prototypical networks (Snell, Swersky & Zemel, 2017). Where the prior deviations are, the
    distance is Mahalanobis's: this is the head of classes that are Gaussian, all with one diagonal
    covariance. `classes` is one-hot; what has no point has its mean at 0.
    """
    psi, classes = psi.double(), classes.double()
    means = psi.mT @ classes / classes.sum(1, keepdim=True).clamp_min(1)
    return Posterior(2 * means, None, -means.square().sum(1, keepdim=True))


def spread(
    posterior: Posterior | None, psi: Float[Tensor, "tasks points rank"]
) -> Float[Tensor, "tasks points 1"]:
    """The variance of new observations, relative to that of the noise."""
    psi = psi.double()
    prior = psi.square().sum(2, keepdim=True) + 1
    if posterior is None:
        return prior
    assert posterior.white is not None
    return (prior - (psi @ posterior.white).square().sum(2, keepdim=True)).clamp_min(1)


def likelihood(
    psi: Float[Tensor, "tasks points rank"],
    residual: Float[Tensor, "tasks points outputs"],
    noise: Float[Tensor, "tasks 1 outputs"],
    real: Bool[Tensor, "tasks points"],
    support: int,
) -> Likelihood:
    """Of all points of a task, of which the first `support` are its support points.

    A point that is not real is made one with variance 1, related to no other, on which there is
    nothing to explain: it adds nothing.
    """
    there = real.unsqueeze(2)
    psi = torch.where(there, psi, 0.0).double()
    residual = torch.where(there, residual, 0.0).double()
    outputs = residual.shape[2]
    root = _root(psi @ psi.mT)
    white = torch.linalg.solve_triangular(root, residual, upper=False)
    log_noise = noise.log().sum((1, 2))
    # masked points have a 1 on the diagonal of the root
    each = (white.square() / noise).sum(2) + 2 * outputs * root.diagonal(dim1=1, dim2=2).log()
    each = each + real * (log_noise.unsqueeze(1) + outputs * math.log(2 * math.pi))
    joint = each.sum(1) / 2 / (real.sum(1) * outputs)
    evidence = each[:, :support].sum(1) / 2
    shared = root[:, support:, :support]
    queries = real[:, support:].sum(1)
    conditional = each[:, support:].sum(1) / 2 / (queries * outputs)
    explained = shared @ white[:, :support]
    variance = 1 + psi[:, support:].square().sum(2) - shared.square().sum(2)
    variance = variance.clamp_min(1).unsqueeze(2) * noise
    left = (residual[:, support:] - explained).square() / variance + variance.log()
    left = (left + math.log(2 * math.pi)).mean(2) / 2 * real[:, support:]
    predictive = left.sum(1) / queries
    return Likelihood(joint, evidence, conditional, predictive, explained)


def evidence(
    psi: Float[Tensor, "tasks points rank"],
    residual: Float[Tensor, "tasks points outputs"],
    noise: Float[Tensor, "tasks 1 outputs"] | None,
) -> Float[Tensor, " tasks"]:
    """The log marginal likelihood of targets, constants left out.

    Without `noise`, with the one for all outputs of a task that makes it largest.
    """
    psi, residual = psi.double(), residual.double()
    root = _root(psi @ psi.mT)
    white = torch.linalg.solve_triangular(root, residual, upper=False)
    spread = residual.shape[2] * root.diagonal(dim1=1, dim2=2).log().sum(1)
    count = residual.shape[1] * residual.shape[2]
    if noise is None:
        return -spread - count / 2 * (white.square().sum((1, 2)) / count + LEAST_NOISE).log()
    misfit = (white.square() / noise).sum((1, 2)) + residual.shape[1] * noise.log().sum((1, 2))
    return -spread - misfit / 2


def _root(gram: Float[Tensor, "tasks points points"]) -> Float[Tensor, "tasks points points"]:
    eye = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    return torch.linalg.cholesky(gram + eye)
