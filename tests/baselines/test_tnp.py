"""The transformer is torch's, under the mask of TNP-D."""

import pytest
import torch
from torch import nn

from baselines.tnp import TNP, Layer
from benchmarks.core import Budget, BudgetedSource, generator_of, task_mse
from benchmarks.testing import Toy, check_learner

SMALL = {"width": 16, "between": 16, "heads": 2, "layers": 2, "embedding": 2}


def torchs(layer):
    """Torch's own layer with the same weights."""
    width = layer.joins.weight.shape[0]
    other = nn.TransformerEncoderLayer(width, layer.heads, 16, 0.0, batch_first=True)
    attention, (first, _, last) = other.self_attn, layer.thinks
    with torch.no_grad():
        weight = torch.cat([layer.asks.weight, layer.tells.weight], 1)
        attention.in_proj_weight.copy_(weight.T)
        bias = torch.cat([layer.asks.bias, layer.tells.bias], 1)
        attention.in_proj_bias.copy_(bias.flatten())
        for mine, theirs in (
            (layer.joins, attention.out_proj),
            (first, other.linear1),
            (last, other.linear2),
        ):
            theirs.weight.copy_(mine.weight.T)
            theirs.bias.copy_(mine.bias.flatten())
    return other


def test_a_layer_is_torchs_under_the_mask_of_the_paper():
    layer = Layer(16, 16, 2, generator_of("layer"))
    tokens = torch.randn(3, 9, 16, generator=generator_of("tokens"))
    mask = torch.full((9, 9), -torch.inf)
    mask[:, :4] = 0  # all look at the four support points, and at nothing else
    expected = torchs(layer)(tokens, src_mask=mask)
    keys = layer.keys(tokens[:, :4])
    torch.testing.assert_close(layer(tokens, keys), expected, atol=1e-5, rtol=1e-5)


def test_it_learns_to_read_a_line_off_its_points_and_says_how_sure_it_is():
    learner = TNP(**SMALL, lr=0.01, train_shots=(1, 8), train_queries=20)
    source = BudgetedSource(Toy(), Budget(tasks=3_200), generator_of("train"))
    learner.fit(source, generator_of("fit"))
    spread, error = {}, {}
    for shots in (1, 8):
        batch = Toy().sample(300, "validation", generator_of("v"), shots=shots, queries=10)
        (predict,) = learner.adapt(batch.support, [0])
        error[shots] = float(task_mse(predict(batch.query.x), batch.query.y).mean())
        spread[shots] = float(predict.std(batch.query.x).mean())
    assert error[8] < 0.5 < error[1]  # predicting 0 scores 2
    assert spread[8] < spread[1]


def test_heads_share_the_width():
    with pytest.raises(ValueError, match="expected a width that 4 heads share, got 30"):
        TNP(width=30)


def test_squared_error_keeps_the_laws():
    fields = {**TNP.test_fields, "loss": "mse"}
    assert [c for c in check_learner(lambda: TNP(**fields)) if not c.passed] == []
