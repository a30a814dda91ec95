"""How the composer reads what it sees of a task: sets of points, in any order and of any size."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class SetEncoder(nn.Module):
    """An order-invariant summary of a set of points, after Zaheer et al. (Deep Sets, 2017).

    Each point is embedded, told the mean and the maximum of all embeddings, and embedded again;
    the mean and the maximum of the result are the summary. Values are standardised with the
    `offset` and `scale` of the first training batch.
    """

    offset: Tensor
    scale: Tensor

    def __init__(self, values: int, width: int) -> None:
        super().__init__()
        self.register_buffer("offset", torch.zeros(values))
        self.register_buffer("scale", torch.ones(values))
        self.first = nn.Sequential(
            nn.Linear(values, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.second = nn.Sequential(
            nn.Linear(3 * width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )

    def standardise(self, points: Float[Tensor, "tasks points values"], even: bool = False) -> None:
        """Take offset and scale from these points.

        With `even`, no scale is below the mean of all: what hardly varied there, as a class's
        spread at one shot, is not blown up where it does.
        """
        self.offset.copy_(points.mean((0, 1)))
        scale = points.std((0, 1)).clamp_min(1e-6)
        self.scale.copy_(torch.maximum(scale, scale.mean()) if even else scale)

    def normal(self, points: Float[Tensor, "tasks points values"]) -> Tensor:
        """The points, standardised; same shape."""
        return (points - self.offset) / self.scale

    def normal_outputs(self, outputs: Float[Tensor, "tasks points outputs"]) -> Tensor:
        """Predictions in the units of the standardised targets; same shape."""
        last = outputs.shape[2]
        return (outputs - self.offset[-last:]) / self.scale[-last:]

    def forward(
        self, points: Float[Tensor, "tasks points values"]
    ) -> Float[Tensor, "tasks width2"]:
        """Summarise each task's points in 2 × `width` numbers."""
        h = self.first(self.normal(points))
        told = _pool(h).unsqueeze(1).expand(-1, h.shape[1], -1)
        return _pool(self.second(torch.cat([h, told], 2)))


class OutputReader(nn.Module):
    """A summary of what the partial network predicts, next to what it should.

    Each point is embedded together with its prediction, in standardised units; mean and maximum of
    the embeddings are the summary. In classification, each class with its features.
    """

    def __init__(self, values: int, outputs: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(values + outputs, width), nn.ReLU())

    def forward(
        self,
        points: Float[Tensor, "tasks points values"],
        outputs: Float[Tensor, "tasks points outputs"],
    ) -> Float[Tensor, "tasks width2"]:
        """Summarise in 2 × `width` numbers; both arguments standardised."""
        return _pool(self.embed(torch.cat([points, outputs], 2)))


class Decoder(nn.Module):
    """Predicts a task's targets from its encoding, as a conditional neural process does.

    It only teaches the encoder (Garnelo et al., 2018); no prediction of a learner comes from it.
    """

    def __init__(self, features: int, outputs: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2 * width + features, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, outputs),
        )

    def forward(
        self, encoding: Float[Tensor, "tasks width2"], x: Float[Tensor, "tasks points features"]
    ) -> Float[Tensor, "tasks points outputs"]:
        told = encoding.unsqueeze(1).expand(-1, x.shape[1], -1)
        return self.layers(torch.cat([told, x], 2))


def _pool(h: Float[Tensor, "tasks points width"]) -> Float[Tensor, "tasks width2"]:
    return torch.cat([h.mean(1), h.amax(1)], 1)
