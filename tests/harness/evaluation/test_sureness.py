"""Scores of predictive distributions: by other libraries, by integrals, by construction."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from baselines.mean import Mean
from benchmarks.core import Predictor, Problem, Query, Spread, Support, TaskBatch
from benchmarks.harness.disk.columns import PREDICTIVE
from benchmarks.harness.evaluation.choosing import choose_steps
from benchmarks.harness.evaluation.evaluator import evaluate
from benchmarks.harness.evaluation.sureness import crps, residuals, sureness
from benchmarks.protocols.few_shot import FewShot
from benchmarks.protocols.transfer import Transfer
from benchmarks.tasks.sinusoid import Sinusoid

PROTOCOL = FewShot(kind="few_shot", shots=(2, 4), steps=(0, 1), tasks=50, queries=20)
OWN = Problem(1, 1, target_scale=3.0, unit="m")


def batch_of(y: torch.Tensor, mask: torch.Tensor | None = None) -> TaskBatch:
    mask = torch.ones(y.shape[:2], dtype=torch.bool) if mask is None else mask
    return TaskBatch(Support(y[:, :1], y[:, :1]), Query(y[..., :1], y, mask))


@pytest.fixture
def drawn() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Means, standard deviations, and targets that are drawn by them."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(40, 200, 1, generator=generator)
    std = 0.1 + torch.rand(40, 200, 1, generator=generator)
    return mean, std, mean + std * torch.randn(40, 200, 1, generator=generator)


def test_nll_is_that_of_torch(drawn: tuple[torch.Tensor, ...]) -> None:
    mean, std, y = drawn
    found = sureness(mean.double(), std.double(), batch_of(y), OWN)
    own = torch.distributions.Normal(3 * mean.double(), 3 * std.double())
    torch.testing.assert_close(found["nll"], -own.log_prob(3 * y.double()).mean((1, 2)))


@pytest.mark.parametrize(("error", "std"), [(0.0, 1.0), (0.7, 0.3), (-2.0, 0.5), (4.0, 0.1)])
def test_crps_is_the_integral_it_stands_for(error: float, std: float) -> None:
    low, high = min(0.0, error - 12 * std), max(0.0, error + 12 * std)
    middle = {"points": [error], "limit": 400}
    below, _ = quad(lambda x: norm.cdf(x, error, std) ** 2, low, 0.0, **middle)
    above, _ = quad(lambda x: norm.sf(x, error, std) ** 2, 0.0, high, **middle)
    found = float(crps(torch.tensor(error).double(), torch.tensor(std).double()))
    assert found == pytest.approx(below + above, rel=1e-6)


def test_bands_of_the_truth_hold_what_they_should(drawn: tuple[torch.Tensor, ...]) -> None:
    mean, std, y = drawn
    found = sureness(mean.double(), std.double(), batch_of(y), OWN)
    assert set(found) == set(PREDICTIVE)
    assert float(found["coverage_90"].mean()) == pytest.approx(0.9, abs=0.01)
    wide = 3 * 2 * norm.ppf(0.95) * std.double().mean((1, 2))
    torch.testing.assert_close(found["width_90"], wide)
    for factor in (0.5, 2.0):  # proper scores: nobody gains by another spread than the true one
        other = sureness(mean.double(), factor * std.double(), batch_of(y), OWN)
        for metric in ("nll", "crps"):
            assert float(other[metric].mean()) > float(found[metric].mean())


def test_padding_counts_for_nothing_and_everything_is_finite() -> None:
    y = torch.tensor([[[0.0], [1.0], [5.0]], [[1.0], [0.0], [2.0]]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    mean = torch.tensor([[[0.0], [1.0], [9.0]], [[float("nan")], [float("inf")], [0.0]]])
    std = torch.tensor([[[1.0], [1.0], [0.0]], [[0.0], [float("inf")], [float("nan")]]])
    found = sureness(mean.double(), std.double(), batch_of(y, mask), Problem(1, 1))
    assert all(bool(it.isfinite().all()) for it in found.values())
    assert float(found["nll"][0]) == pytest.approx(0.5 * np.log(2 * np.pi))
    assert float(found["coverage_90"][0]) == 1.0


class Sure(Mean):
    """Says itself how sure it is."""

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        for predict in super().adapt(support, steps):
            yield Spread(predict, lambda x: torch.full_like(x, 2.5))


def test_residuals_stand_in_for_who_does_not_say() -> None:
    family = Sinusoid()
    told = choose_steps(Mean(), family, "id", PROTOCOL)["residuals"]
    assert {k: set(it) for k, it in told.items()} == {"2": {"0", "1"}, "4": {"0", "1"}}
    found = evaluate(Mean(), family, "id", PROTOCOL, residuals=told).scores
    means = found.groupby(["metric", "shots"])["value"].mean()
    for shots in (2, 4):
        (std,) = told[str(shots)]["0"]
        assert means["width_90", shots] == pytest.approx(2 * norm.ppf(0.95) * std)
        assert std == pytest.approx(means["mse", shots] ** 0.5, rel=0.25)
        assert 0.8 < means["coverage_90", shots] < 1
    own = evaluate(Sure(), family, "id", PROTOCOL, residuals=told).scores
    widths = own.loc[own["metric"] == "width_90", "value"]
    assert widths.to_numpy() == pytest.approx(2 * norm.ppf(0.95) * 2.5)


def test_nothing_is_said_where_nobody_knows_or_scores_are_lean() -> None:
    family = Sinusoid()
    assert not set(PREDICTIVE) & set(evaluate(Mean(), family, "id", PROTOCOL).scores["metric"])
    lean = Transfer(kind="transfer", shots=(2,), steps=(0, 1), tasks=5, queries=5)
    assert set(evaluate(Sure(), family, "id", lean).scores["metric"]) == {"mse"}


def test_of_very_many_steps_the_landmarks_are_scored() -> None:
    many = PROTOCOL.model_copy(update={"steps": tuple(range(60)), "tasks": 3, "shots": (2,)})
    scores = evaluate(Sure(), Sinusoid(), "id", many).scores
    counts = scores.groupby("metric")["steps"].nunique()
    assert counts["mse"] == 60
    assert counts["nll"] <= 8


def test_each_of_several_targets_has_its_residual() -> None:
    several = Problem(
        1,
        2,
        metric="nmse",
        target="a, b",
        targets=("a", "b"),
        units=("", ""),
        target_scales=(1.0, 10.0),
        target_offsets=(0.0, 0.0),
    )
    rows = [
        {"shots": 2, "steps": 0, "metric": f"rmse of {name}", "value": value}
        for name, value in (("a", 3.0), ("a", 4.0), ("b", 10.0))
    ]
    assert residuals(pd.DataFrame(rows), several) == {"2": {"0": [12.5**0.5, 10.0]}}
