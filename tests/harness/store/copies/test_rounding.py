import numpy as np
import pandas as pd

from benchmarks.harness.store.copies.rounding import balanced, nearest, short

RNG = np.random.default_rng(0)


def test_sums_of_cells_stay() -> None:
    values = RNG.lognormal(sigma=2, size=4000) * RNG.choice([-1, 1], 4000)
    cells = np.repeat(np.arange(8), 500)
    found = balanced(values, cells, 10).astype(float)
    np.testing.assert_allclose(found, values, rtol=2**-10)
    assert np.abs(found / values - 1).max() > 0
    gap = np.bincount(cells, found - values)
    assert (np.abs(gap) < 1e-6 * np.bincount(cells, np.abs(values))).all()
    plain = np.bincount(cells, nearest(values, 10) - values)
    assert np.abs(gap).max() < np.abs(plain).max() / 20


def test_what_is_equal_stays_equal_and_what_is_rounded_stays() -> None:
    values = RNG.lognormal(size=200)
    both = np.concatenate([values, values[::2], RNG.lognormal(size=50)])
    cells = np.repeat([0, 1], [200, 150])
    found = balanced(both, cells)
    assert (found[:200:2] == found[200:300]).all()
    assert (balanced(found.astype(float), cells[::-1]) == found).all()


def test_what_has_no_digits_is_left() -> None:
    values = np.array([0.0, np.nan, np.inf, -np.inf, 1e-40, 3.4e38])
    for found in (balanced(values, np.zeros(6, int), 10), nearest(values, 10)):
        np.testing.assert_array_equal(
            found[[0, 1, 2, 3, 5]], values.astype("float32")[[0, 1, 2, 3, 5]]
        )


def test_of_two_as_near_the_even_one() -> None:
    assert nearest(np.array([1 + 1 / 4, 1 + 3 / 4]), 1).tolist() == [1.0, 2.0]
    table = short(pd.DataFrame({"x": [0.1, 1 / 3], "n": [1, 2]}))
    assert table.dtypes.tolist() == [np.float32, np.int64]
    np.testing.assert_allclose(table["x"], [0.1, 1 / 3], rtol=2e-5)
