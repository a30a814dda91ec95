"""The arithmetic of a training iteration, written out by hand: what it could not do without.

All tasks of a batch at once, and no graph but the one that is differentiated; where the gradient of
an adaptation step is itself to be differentiated, it is there by formula.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from benchmarks.core import TaskBatch
from benchmarks.networks import patches
from benchmarks.networks.convolution import fold
from benchmarks.networks.normalisation import EPSILON
from reml.inner.head import LEAST_NOISE

Weights = list[Tensor]


def perceptron(weights: Sequence[Tensor], x: Tensor) -> list[Tensor]:
    """What comes out of each layer of ReLU networks, one a task; the inputs first."""
    through = [x]
    for place in range(0, len(weights) - 2, 2):
        z = torch.baddbmm(weights[place + 1], through[-1], weights[place])
        through.append(torch.relu(z))
    return [*through, torch.baddbmm(weights[-1], through[-1], weights[-2])]


def inner_gradient(weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Weights:
    """That of the mean squared error of each task."""
    *before, out = perceptron(weights, x)
    into = 2 / y[0].numel() * (out - y)
    gradients: Weights = []
    for place in range(len(before) - 1, -1, -1):
        gradients[:0] = [before[place].mT @ into, into.sum(1, keepdim=True)]
        if place:
            into = (into @ weights[2 * place].mT) * (before[place] > 0)
    return gradients


def maml(weights: Sequence[Tensor], batch: TaskBatch, lr: float) -> Tensor:
    """The query loss of perceptrons after one inner step, second order."""
    x, y = batch.support.x, batch.support.y
    w = [it.expand(len(batch), *it.shape[-2:]) for it in weights]
    *before, out = perceptron(w, x)
    into = 2 / y[0].numel() * (out - y)
    adapted = list(w)
    for place in range(len(before) - 1, -1, -1):
        adapted[2 * place] = torch.baddbmm(w[2 * place], before[place].mT, into, alpha=-lr)
        adapted[2 * place + 1] = w[2 * place + 1] - lr * into.sum(1, keepdim=True)
        if place:
            into = (into @ w[2 * place].mT) * (before[place] > 0)
    return (perceptron(adapted, batch.query.x)[-1] - batch.query.y).square().mean()


def cnp(weights: Sequence[Tensor], batch: TaskBatch) -> Tensor:
    """The query loss of encoder, mean and decoder."""

    def through(z: Tensor, layers: Sequence[Tensor]) -> Tensor:
        for place in range(0, len(layers) - 2, 2):
            z = torch.relu(torch.addmm(layers[place + 1], z, layers[place]))
        return torch.addmm(layers[-1], z, layers[-2])

    tasks, shots, queries = len(batch), batch.support.points, batch.query.x.shape[1]
    shown = torch.cat([batch.support.x, batch.support.y], 2)
    code = through(shown.flatten(0, 1), weights[:6]).view(tasks, shots, -1).mean(1, keepdim=True)
    asked = torch.cat([batch.query.x, code.expand(-1, queries, -1)], 2)
    said = through(asked.flatten(0, 1), weights[6:])
    return (said - batch.query.y.flatten(0, 1)).square().mean()


def protonet(weights: Sequence[Tensor], batch: TaskBatch) -> Tensor:
    """The query loss of a CNN4 with max-pooling, the points of all tasks normalised together."""
    shots, ways = batch.support.points, batch.support.y.shape[2]
    x = torch.cat([batch.support.x, batch.query.x], 1)
    z = x.view(-1, 1, 28, 28).to(memory_format=torch.channels_last)
    for place in range(0, len(weights), 3):
        kernel, scale, shift = weights[place : place + 3]
        z = functional.conv2d(z, kernel, padding=1)
        z = functional.batch_norm(z, None, None, scale, shift, True, eps=EPSILON)
        z = torch.relu(functional.max_pool2d(z, 2))
    z = z.view(*x.shape[:2], -1)
    centres = batch.support.y.mT @ z[:, :shots] * (ways / shots)
    away = (z[:, shots:].unsqueeze(2) - centres.unsqueeze(1)).square().sum(3)
    return -(torch.log_softmax(-away, 2) * batch.query.y).sum(2).mean()


class Cnn4:
    """MAML with one step on strided CNN4s, one a task: the meta-gradient without any graph.

    It is (1 - lr · H) · g, where g is the gradient of the query loss at the adapted weights and H
    the Hessian of the support loss; H · g is the derivative, along g, of the formulas that give the
    gradient. Weights are a convolution, a scale and a shift for each block, then the last layer.
    """

    def __init__(self, weights: Sequence[Tensor], x: Tensor, y: Tensor) -> None:
        self.w, self.y, self.blocks = weights, y, (len(weights) - 2) // 3
        self.kept: list[tuple[Tensor, Tensor, Tensor, Tensor, Tensor]] = []
        h = x.view(*x.shape[:2], 28, 28, 1)
        for block in range(self.blocks):
            kernel, scale, shift = weights[3 * block : 3 * block + 3]
            seen = patches(h, 2)
            windows = seen.flatten(1, 3)
            n = windows @ kernel
            n -= n.mean(1, keepdim=True)
            rate = torch.rsqrt((n * n).mean(1, keepdim=True) + EPSILON)
            n *= rate
            a = torch.addcmul(shift, n, scale)
            on = a > 0
            self.kept.append((windows, n, rate, on, h))
            h = a.mul_(on).view(*seen.shape[:4], -1)
        self.last, self.places = h.mean((2, 3)), h.shape[2] * h.shape[3]
        self.p = torch.softmax(torch.baddbmm(weights[-1], self.last, weights[-2]), 2)

    @property
    def loss(self) -> Tensor:
        return -(self.p.log() * self.y).sum(2).mean(1)

    def _spread(self, into: Tensor, block: int) -> Tensor:
        tasks, points, features = into.shape
        each = (into / self.places).unsqueeze(2).expand(-1, -1, self.places, -1)
        return each.reshape(tasks, points * self.places, features)

    def gradient(self) -> Weights:
        """Of each task's loss; keeps what `along` needs."""
        w = self.w
        self.g = (self.p - self.y) / self.y.shape[1]
        gradients: Weights = [self.last.mT @ self.g, self.g.sum(1, keepdim=True)]
        into = self._spread(self.g @ w[-2].mT, self.blocks)
        self.back: list[tuple[Tensor, ...]] = []
        for block in range(self.blocks - 1, -1, -1):
            kernel, scale, _ = w[3 * block : 3 * block + 3]
            windows, n, rate, on, h = self.kept[block]
            ga = into * on
            total, slope = ga.sum(1, keepdim=True), (ga * n).sum(1, keepdim=True)
            count, gn = n.shape[1], ga * scale
            k = scale * slope / count
            q = torch.addcmul(gn - scale * total / count, n, k, value=-1)
            gz = q * rate
            gradients[:0] = [windows.mT @ gz, slope, total]
            self.back.insert(0, (ga, gn, k, q, gz))
            if block:
                into = _folded(gz @ kernel.mT, h)
        return gradients

    def along(self, v: Sequence[Tensor]) -> Weights:
        """The derivative of `gradient` along `v`."""
        w = self.w
        moved: Tensor | None = None
        dots: list[tuple[Tensor, Tensor, Tensor | None]] = []
        for block in range(self.blocks):
            kernel, scale, _ = w[3 * block : 3 * block + 3]
            v_kernel, v_scale, v_shift = v[3 * block : 3 * block + 3]
            windows, n, rate, on, h = self.kept[block]
            zd = windows @ v_kernel
            into = None if moved is None else patches(moved.view(h.shape), 2).flatten(1, 3)
            if into is not None:
                zd.baddbmm_(into, kernel)
            zd -= zd.mean(1, keepdim=True)
            slope = (zd * n).mean(1, keepdim=True)
            nd = zd.addcmul_(n, slope, value=-1).mul_(rate)
            dots.append((nd, -rate * rate * slope, into))
            moved = torch.addcmul(v_shift, nd, scale).addcmul_(n, v_scale).mul_(on)
        assert moved is not None
        tasks, points, _ = self.last.shape
        last = moved.view(tasks, points, self.places, -1).mean(2)
        said = torch.baddbmm(v[-1], last, w[-2]).baddbmm_(self.last, v[-2])
        gd = self.p * (said - (self.p * said).sum(2, keepdim=True)) / self.y.shape[1]
        out: Weights = [
            torch.bmm(last.mT, self.g).baddbmm_(self.last.mT, gd),
            gd.sum(1, keepdim=True),
        ]
        turned = self._spread(torch.bmm(gd, w[-2].mT).baddbmm_(self.g, v[-2].mT), self.blocks)
        for block in range(self.blocks - 1, -1, -1):
            kernel, scale, _ = w[3 * block : 3 * block + 3]
            v_kernel, v_scale, _ = v[3 * block : 3 * block + 3]
            windows, n, rate, on, h = self.kept[block]
            (nd, rated, into), (ga, gn, k, q, gz) = dots[block], self.back[block]
            gad = turned * on
            total = gad.sum(1, keepdim=True)
            slope = (gad * n).addcmul_(ga, nd).sum(1, keepdim=True)
            gnd = (gad * scale).addcmul_(ga, v_scale)
            kd = (gnd * n).addcmul_(gn, nd).mean(1, keepdim=True)
            gnd -= gnd.mean(1, keepdim=True)
            qd = gnd.addcmul_(nd, k, value=-1).addcmul_(n, kd, value=-1)
            gzd = qd.mul_(rate).addcmul_(q, rated)
            kernel_d = windows.mT @ gzd
            if into is not None:
                kernel_d.baddbmm_(into.mT, gz)
            out[:0] = [kernel_d, slope, total]
            if block:
                turned = _folded(torch.bmm(gzd, kernel.mT).baddbmm_(gz, v_kernel.mT), h)
        return out


def _folded(windows: Tensor, h: Tensor) -> Tensor:
    side = -(-h.shape[2] // 2)
    out = fold(windows.view(*h.shape[:2], side, side, -1), h.shape, 2)
    return out.flatten(1, 3)


@torch.no_grad()
def maml_cnn4(weights: Sequence[Tensor], batch: TaskBatch, lr: float) -> Tensor:
    """The query loss after one step; gives the weights their meta-gradients."""
    w = [it.expand(len(batch), *it.shape[-2:]) for it in weights]
    shown = Cnn4(w, batch.support.x, batch.support.y)
    adapted = [it - lr * g for it, g in zip(w, shown.gradient(), strict=True)]
    asked = Cnn4(adapted, batch.query.x, batch.query.y)
    v = asked.gradient()
    for weight, g, turn in zip(weights, v, shown.along(v), strict=True):
        weight.grad = (g - lr * turn).mean(0).view(weight.shape)
    return asked.loss.mean()


def reml(
    weights: Weights,
    rates: Weights,
    batch: TaskBatch,
    steps: int,
    unadapted: float,
    max_norm: float,
) -> Float[Tensor, ""]:
    """What the pool descends: query losses along adaptation, each task's on its own scale."""
    losses = [_query_loss(weights, batch)]
    for _ in range(steps):
        g = inner_gradient(weights, batch.support.x, batch.support.y)
        norm = torch.cat([it.flatten(1) for it in g], 1).square().sum(1).sqrt()
        cap = (max_norm / norm).clamp(max=1.0).view(-1, 1, 1)
        weights = [
            torch.addcmul(w, rate * cap, it, value=-1)
            for w, rate, it in zip(weights, rates, g, strict=True)
        ]
        losses.append(_query_loss(weights, batch))
    variance = torch.cat([batch.support.y, batch.query.y], 1).var((1, 2), correction=0)
    loss = unadapted * losses[0] + (1 - unadapted) * torch.stack(losses[1:]).mean(0)
    return (loss / (variance + 0.02 * variance.mean())).mean()


def reml_solving(
    weights: Weights, root: Tensor, log_noise: Tensor, x: Tensor, y: Tensor
) -> Float[Tensor, ""]:
    """Minus the log likelihood of networks whose last layer is solved for, a point.

    Hidden layers are followed by tanh; `root` is that of the prior of the last layer.
    """
    for place in range(0, len(weights) - 2, 2):
        x = torch.tanh(torch.baddbmm(weights[place + 1], x, weights[place]))
    left = (y - torch.baddbmm(weights[-1], x, weights[-2])).double()
    psi = torch.baddbmm(root[:, -1:], x, root[:, :-1]).double()
    gram = psi @ psi.mT
    gram.diagonal(dim1=1, dim2=2).add_(1)
    factor = torch.linalg.cholesky(gram)
    white = torch.linalg.solve_triangular(factor, left, upper=False)
    noise = log_noise.double().exp() + LEAST_NOISE
    misfit = (white.square() / noise).mean((1, 2)) + (noise * 2 * math.pi).log().mean((1, 2))
    return (misfit / 2 + factor.diagonal(dim1=1, dim2=2).log().mean(1)).mean()


def _query_loss(weights: Sequence[Tensor], batch: TaskBatch) -> Float[Tensor, " tasks"]:
    return (perceptron(weights, batch.query.x)[-1] - batch.query.y).square().mean((1, 2))
