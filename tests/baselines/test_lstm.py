"""The LSTM is torch's, read as the authors read it."""

import torch
from torch import nn

from baselines.lstm import LSTM
from benchmarks.core import Budget, BudgetedSource, Support, generator_of, task_mse
from benchmarks.testing import Toy, check_learner


def fitted(tasks=1, **fields):
    learner = LSTM(**fields)
    source = BudgetedSource(Toy(), Budget(tasks=tasks), generator_of("train"))
    learner.fit(source, generator_of("fit"))
    return learner


def cell_of(gate, inputs, hidden):
    """Torch's own cell, whose gates are in another order, with the same weights."""
    cell = nn.LSTMCell(inputs, hidden)
    enters, stays, leaves, new = gate.weight.T.chunk(4)
    weight = torch.cat([enters, stays, new, leaves])
    enters, stays, leaves, new = gate.bias.flatten().chunk(4)
    with torch.no_grad():
        cell.weight_ih.copy_(weight[:, :inputs])
        cell.weight_hh.copy_(weight[:, inputs:])
        cell.bias_ih.copy_(torch.cat([enters, stays, new, leaves]))
        cell.bias_hh.zero_()
    return cell


def test_a_task_is_read_as_torchs_cells_would():
    learner = fitted(hidden=6, passes=3)
    support = Toy().sample(2, "test", generator_of("t"), shots=4, queries=1).support
    first, second = learner._gates
    cells = [cell_of(first, 2, 6), cell_of(second, 6, 6)]
    x, y = support.x[1], support.y[1]
    h, c = [torch.zeros(4, 6)] * 2, [torch.zeros(4, 6)] * 2
    for step in range(3):
        z = torch.cat([x, y if step else 0 * y], 1)
        for layer, cell in enumerate(cells):
            h[layer], c[layer] = cell(z, (h[layer], c[layer]))
            z = h[layer]
        h = [state.mean(0, keepdim=True).expand(4, -1) for state in h]
    kept = learner._read(support)
    for mine, theirs in zip(kept, h, strict=True):
        torch.testing.assert_close(mine[1], theirs[:1])


def test_it_learns_to_read_a_line_off_its_points():
    learner = fitted(3_000, hidden=16, lr=0.015, train_shots=(2, 8))
    batch = Toy().sample(300, "validation", generator_of("v"), shots=8, queries=10)
    (predict,) = learner.adapt(batch.support, [0])
    (other,) = learner.adapt(Support(batch.support.x[:, :1], batch.support.y[:, :1]), [0])
    errors = [task_mse(p(batch.query.x), batch.query.y).mean() for p in (predict, other)]
    assert errors[0] < 0.7 < errors[1]  # predicting 0 scores 2


def test_the_gaussian_keeps_the_laws():
    fields = {**LSTM.test_fields, "loss": "gaussian"}
    assert [c for c in check_learner(lambda: LSTM(**fields)) if not c.passed] == []
