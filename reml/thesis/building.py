"""Networks under construction: what the thesis's policy sees, and what its choices do."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from benchmarks.core import Support, task_mse
from reml.thesis.pool import HIDDEN, INPUT, OUTPUT, ThesisPool


def task_information(support: Support, names: list[str]) -> Float[Tensor, "tasks values"]:
    """The privileged fields of each task, side by side."""
    return torch.cat([support.privileged[name].flatten(1).float() for name in names], 1)


class Building:
    """One network a row, each at its own stage; rows start over one by one.

    The network so far is the input layer, the hidden layers so far, and the output layer. Before
    it has an output layer it predicts 0.

    Attributes:
        stage: how many layers each row's network has.
        layers: the layers in the order in which they were decided; -1 where there is none yet.
        loss: MSE of the network so far on the support points.
        peak: the largest |prediction| of the network so far on the support points.
    """

    def __init__(
        self, pool: ThesisPool, support: Support, information: Float[Tensor, "tasks values"]
    ) -> None:
        rows, shots, device = len(support), support.points, support.x.device
        self.pool = pool
        self.x, self.y = support.x.clone(), support.y.clone()
        self.information = information.clone()
        self.stage = torch.zeros(rows, dtype=torch.long, device=device)
        self.layers = torch.full((rows, pool.depth), -1, device=device)
        self.used = torch.zeros(rows, len(pool), dtype=torch.bool, device=device)
        self.loss = (self.y**2).mean((1, 2))
        self.peak = torch.zeros(rows, device=device)
        self._hidden = torch.zeros(rows, shots, pool.width, device=device)

    def restart(
        self,
        rows: Int[Tensor, " some"],
        support: Support,
        information: Float[Tensor, "some values"],
    ) -> None:
        """Give these rows new tasks and nothing built."""
        self.x[rows], self.y[rows], self.information[rows] = support.x, support.y, information
        self.stage[rows], self.layers[rows], self.used[rows] = 0, -1, False
        self.loss[rows], self.peak[rows] = (support.y**2).mean((1, 2)), 0.0

    def fitting(self) -> Bool[Tensor, "rows layers"]:
        """Which layers each row may choose: those of the kind that is due, unused as yet."""
        due = self.stage.clamp(max=HIDDEN).unsqueeze(1)
        return (self.pool.kind == due) & ~self.used

    def add(self, choice: Int[Tensor, " rows"]) -> Bool[Tensor, " rows"]:
        """Add each row's choice, a hidden layer before the output layer, where it fits.

        Returns:
            Whether it fitted; rows where it did not are as before.
        """
        fits = self.fitting().gather(1, choice.unsqueeze(1)).squeeze(1)
        rows = fits.nonzero().squeeze(1)
        stage, chosen = self.stage[rows], choice[rows]
        self.layers[rows, stage] = chosen
        self.used[rows, chosen] = True
        self.stage[rows] = stage + 1
        for kind, among in ((INPUT, stage == INPUT), (HIDDEN, stage >= HIDDEN)):
            extended = rows[among]
            below = self.x[extended] if kind == INPUT else self._hidden[extended]
            weight, bias = self.pool.layer(kind, chosen[among])
            self._hidden[extended] = torch.relu(torch.baddbmm(bias, below, weight))
        self._look(rows[stage >= OUTPUT])
        return fits

    def _look(self, rows: Int[Tensor, " some"]) -> None:
        """Run the networks so far of these rows, which have an output layer."""
        weight, bias = self.pool.layer(OUTPUT, self.layers[rows, OUTPUT])
        prediction = torch.baddbmm(bias, self._hidden[rows], weight)
        self.loss[rows] = task_mse(prediction, self.y[rows])
        self.peak[rows] = prediction.abs().amax((1, 2))

    def observation(self) -> Float[Tensor, "rows values"]:
        """Task information, peak, layers so far, which layers are used, and the current loss."""
        parts = [
            self.information,
            self.peak.unsqueeze(1),
            (self.layers + 1) / len(self.pool),
            self.used.float(),
            self.loss.unsqueeze(1),
        ]
        return torch.cat(parts, 1)

    @staticmethod
    def observation_size(pool: ThesisPool, values: int) -> int:
        """How many numbers `observation` has a row, with `values` of task information."""
        return values + 1 + pool.depth + len(pool) + 1
