"""Thin plate splines of few functions, in any number of inputs (Wood, 2003)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from sklearn.cluster import KMeans
from torch import Tensor

KNOTS = 40
MOST_INPUTS = 10
LOOKED_AT = 5000
"""Points among which knots are looked for."""
SMALL = 1e-6
"""Directions in which inputs vary by less than this share of the most are none."""


@dataclass(frozen=True)
class Splines:
    """A constant, directions of the inputs, and functions that bend; in double precision.

    With `knots` z and weights w, a function that bends is a sum of w |x - z|³: the least curved
    that has its values at the knots. Beyond all of these, in one dimension, it is straight.
    """

    centre: Float[Tensor, " features"]
    turn: Float[Tensor, "features directions"]
    knots: Float[Tensor, "knots directions"]
    weight: Float[Tensor, "knots functions"]

    def __call__(self, x: Float[Tensor, "tasks points features"]) -> Tensor:
        where = (x.double() - self.centre.to(x.device)) @ self.turn.to(x.device)
        bends = cubes(where, self.knots.to(x.device)) @ self.weight.to(x.device)
        return torch.cat([where.new_ones(*x.shape[:-1], 1), where, bends], 2)

    @property
    def bend(self) -> Float[Tensor, " coefficients"]:
        """1 of functions that bend, else 0."""
        return torch.cat([torch.zeros(1 + self.turn.shape[1]), torch.ones(self.weight.shape[1])])


def cubes(x: Tensor, knots: Tensor) -> Tensor:
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(x, knots.expand(*x.shape[:-2], *knots.shape), compute_mode=exact) ** 3


def splines(x: np.ndarray, most: int) -> Splines:
    """Of at most so many functions that bend, the smoothest there are for points x."""
    x = x.astype(float)
    centre, scale = x.mean(0), x.std(0)
    scale[scale <= SMALL * (np.abs(centre) + SMALL)] = np.inf
    _, sizes, right = np.linalg.svd((x - centre) / scale, full_matrices=False)
    kept = (sizes > SMALL * max(1.0, len(x) ** 0.5))[:MOST_INPUTS]
    turn = (right[:MOST_INPUTS][kept] / scale).T
    knots = _knots((x - centre) @ turn)
    weight = _bending(knots, most)
    arrays = centre, turn, knots, weight
    made = Splines(*(torch.from_numpy(np.ascontiguousarray(it)) for it in arrays))
    if not weight.shape[1]:
        return made
    values = made(torch.from_numpy(x).unsqueeze(0))[0, :, -weight.shape[1] :]
    size = (values**2).mean().sqrt().clamp_min(1e-300)
    return Splines(made.centre, made.turn, made.knots, made.weight / size)


def _knots(where: np.ndarray) -> np.ndarray:
    distinct = np.unique(where, axis=0)
    if len(distinct) <= KNOTS:
        return distinct
    some = distinct[:: -(-len(distinct) // LOOKED_AT)]
    return KMeans(KNOTS, n_init=1, random_state=0).fit(some).cluster_centers_


def _bending(knots: np.ndarray, most: int) -> np.ndarray:
    """Weights of the functions with the least curvature; those of a line at the knots add to 0."""
    straight = np.column_stack([np.ones(len(knots)), knots])
    left, sizes, _ = np.linalg.svd(straight)
    across = left[:, int((sizes > SMALL * sizes[0]).sum()) :]
    where = torch.from_numpy(knots)
    values, vectors = np.linalg.eigh(across.T @ cubes(where, where).numpy() @ across)
    chosen = [i for i in np.argsort(-values)[:most] if values[i] > SMALL * max(values[-1], SMALL)]
    return across @ vectors[:, chosen] / np.sqrt(values[chosen])
