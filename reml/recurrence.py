"""How much of the training points was there before: what comes again can be learned by heart."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from benchmarks.core import TaskBatch

MOST = 200_000
"""Points that are remembered."""


class Recurrence:
    """Remembers the first `MOST` points that it is shown, by a hash of their bits."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def state(self) -> Int[Tensor, " points"]:
        """The hashes of all points that are remembered."""
        return torch.tensor(sorted(self._seen), dtype=torch.int64)

    def load_state(self, state: Int[Tensor, " points"]) -> None:
        self._seen = set(state.tolist())

    def share(self, batch: TaskBatch) -> float:
        """Which share of the points of these tasks was in a batch before this one.

        That is 0 for tasks of an endless family, and comes near 1 as soon as those of a file have
        all been drawn.
        """
        points = batch.points()
        rows = torch.cat([points.x, points.y], 2)[points.mask]
        hashes = set(_hashes(rows).tolist())
        known = len(hashes & self._seen) / max(1, len(hashes))
        if len(self._seen) < MOST:
            self._seen |= hashes
        return known


def _hashes(rows: Float[Tensor, "points numbers"]) -> Int[Tensor, " points"]:
    bits = rows.detach().cpu().float().contiguous().view(torch.int32).long()
    mixed = torch.zeros_like(bits[:, 0])
    for column in bits.unbind(1):
        mixed = (mixed ^ column) * 0x9E3779B1 & 0x7FFFFFFFFFFF
        mixed = mixed ^ (mixed >> 17)
    return mixed
