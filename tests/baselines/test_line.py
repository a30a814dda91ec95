"""The polynomial is numpy's, and its degree the one that predicts left-out points best."""

import numpy as np
import pytest
import torch

from baselines.line import Line
from benchmarks.core import Support, generator_of
from benchmarks.tasks.quadratic import Quadratic
from benchmarks.testing import Toy


def predicted(x, y, asked, **fields):
    x, y, asked = (torch.tensor(it, dtype=torch.float32) for it in (x, y, asked))
    (predict,) = Line(**fields).adapt(Support(x[None, :, None], y[None, :, None]), [0])
    return predict(asked[None, :, None])[0, :, 0].double().numpy()


@pytest.mark.parametrize("points", [3, 4, 5, 6, 9])
def test_it_is_the_polynomial_that_predicts_left_out_points_best(points):
    stream = np.random.default_rng(points)
    asked = np.linspace(-2, 2, 7)
    for _ in range(20):
        x = stream.uniform(-2, 2, points)
        y = stream.normal(size=points) + x * stream.normal()
        errors = []
        for degree in range(1 + (3 if points == 6 else min(3, max(1, points - 3)))):
            others = [np.delete(np.arange(points), i) for i in range(points)]
            fits = [np.polyfit(x[it], y[it], degree) for it in others]
            errors.append(np.mean([(np.polyval(f, x[i]) - y[i]) ** 2 for i, f in enumerate(fits)]))
        expected = np.polyval(np.polyfit(x, y, int(np.argmin(errors))), asked)
        np.testing.assert_allclose(predicted(x, y, asked), expected, rtol=1e-3, atol=1e-3)


def test_it_finds_lines_planes_and_quadratics_from_as_many_points_as_that_takes():
    for family, shots, degree in (
        (Toy(), 3, 1),
        (Toy(features=5, outputs=2), 9, 1),
        (Quadratic(), 5, 2),
    ):
        batch = family.sample(30, "test", generator_of("t"), shots=shots, queries=5)
        (predict,) = Line().adapt(batch.support, [0])
        torch.testing.assert_close(predict(batch.query.x), batch.query.y, atol=1e-2, rtol=1e-2)
        assert (Line().diagnose(batch.support).choices["degree"].values == degree).all()
        assert "line" in Line().explain(batch.support)[0] or degree == 2


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_odd_supports_get_the_mean_and_numbers_that_are_finite(scale):
    asked = np.array([-100.0, 0.0, 100.0])
    for x, y in (
        ([1.0], [2.0]),
        ([1.0, 2.0], [2.0, 4.0]),
        ([3.0] * 6, [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]),
        ([1.0, 1.0, 2.0, 2.0, 3.0], [5.0] * 5),
    ):
        found = predicted(np.array(x), scale * np.array(y), asked)
        np.testing.assert_allclose(found, scale * np.mean(y), rtol=1e-5)


def test_duplicate_inputs_and_one_that_is_constant_do_no_harm():
    x = torch.tensor([[0.0, 7.0], [0.0, 7.0], [1.0, 7.0], [1.0, 7.0], [2.0, 7.0], [2.0, 7.0]])
    y = 3 * x[:, :1] + 1
    (predict,) = Line().adapt(Support(x[None], y[None]), [0])
    torch.testing.assert_close(predict(x[None]), y[None], atol=1e-4, rtol=1e-4)


def test_the_highest_degree_can_be_lower():
    x = np.linspace(-1, 1, 9)
    np.testing.assert_allclose(predicted(x, x**2, x, most_degree=0), np.mean(x**2), rtol=1e-5)
