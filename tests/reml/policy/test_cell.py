"""The composer's memory is torch's LSTM cell, which weighs what is known of a task once."""

import pytest
import torch
from torch import nn

from benchmarks.core import generator_of
from reml.policy import cell as module
from reml.policy.cell import TaskCell


@pytest.mark.parametrize("fused", [False, True])
def test_it_is_torchs_cell(fused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_is_fused", lambda _: fused)
    chance, each = generator_of("cell"), 3
    cell, plain = TaskCell(7, 5).double(), nn.LSTMCell(7, 5).double()
    plain.load_state_dict(cell.state_dict())
    task = torch.rand(4, 4, generator=chance, dtype=torch.float64)
    rows = task.repeat_interleave(each, 0)
    begun = cell.begin(task, each)
    mine = theirs = None
    total = torch.zeros(2, dtype=torch.float64)
    for _ in range(3):
        one, other = torch.rand(2, len(rows), 3, generator=chance, dtype=torch.float64)
        one = one[:, :2]
        mine = cell(begun, [one, other[:, 2:]], mine)
        theirs = plain(torch.cat([rows, one, other[:, 2:]], 1), theirs)
        torch.testing.assert_close(mine, theirs)
        total = total + torch.stack([(it[0] ** 2 + it[1]).sum() for it in (mine, theirs)])
    total.sum().backward()
    for one, other in zip(cell.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)
