"""The memory that goes from decision to decision."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear


class Begun(NamedTuple):
    """What the gates are told of each task at all decisions, and weights for what comes beside."""

    gates: Float[Tensor, "tasks gates"]
    rest: Float[Tensor, "gates inputs"]


class TaskCell(nn.LSTMCell):
    """An LSTM's cell whose first inputs are the task's, the same at each decision: weighed once.

    On a GPU, where what counts is how many kernels there are, torch's own cell weighs them again.
    """

    def begin(self, task: Float[Tensor, "tasks width"], times: int) -> Begun:
        """Of tasks that have so many rows each from now on."""
        if _is_fused(task):
            return Begun(task.repeat_interleave(times, 0), self.weight_ih)
        known = task.shape[1]
        mine, rest = self.weight_ih.split([known, self.input_size - known], 1)
        return Begun(
            linear(task, mine, self.bias_ih + self.bias_hh).repeat_interleave(times, 0), rest
        )

    def forward(  # type: ignore[override]
        self, begun: Begun, told: Sequence[Tensor], carried: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor]:
        """What is carried on, of which the first is the output; the first decision is told None."""
        if _is_fused(begun.gates):
            return super().forward(torch.cat([begun.gates, *told], 1), carried)
        gates = torch.addmm(begun.gates, torch.cat([*told], 1), begun.rest.T)
        if carried is not None:
            gates = torch.addmm(gates, carried[0], self.weight_hh.T)
        size = self.hidden_size
        (enter, keep), new, show = (
            gates[:, : 2 * size].sigmoid().chunk(2, 1),
            gates[:, 2 * size : 3 * size].tanh(),
            gates[:, 3 * size :].sigmoid(),
        )
        state = enter * new
        if carried is not None:
            state = torch.addcmul(state, keep, carried[1])
        return show * state.tanh(), state


def _is_fused(x: Tensor) -> bool:
    """Whether torch's own cell takes a kernel or two there."""
    return x.is_cuda
