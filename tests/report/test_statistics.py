import numpy as np
import pytest
import scipy.stats

from benchmarks.report.statistics import Scores, bootstrap, interquartile_mean, paired_difference


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scores(values, seeds=None) -> Scores:
    values = np.asarray(values, dtype=float)
    return Scores(values, tuple(range(len(values))) if seeds is None else seeds)


def test_interquartile_mean_by_hand() -> None:
    assert interquartile_mean(np.array([8.0, 1.0, 3.0, 100.0])) == 5.5
    assert interquartile_mean(np.array([[1.0, 2.0], [3.0, 1e9], [4.0, -1e9]])) == 2.5
    assert interquartile_mean(np.array([2.0, 4.0])) == 3.0


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 600), (5, 13), (3, 3)])
def test_interquartile_mean_is_scipys_trimmed_mean(shape: tuple[int, int]) -> None:
    values = generator().lognormal(size=shape)
    expected = scipy.stats.trim_mean(values.ravel(), 0.25)
    assert interquartile_mean(values) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (3, 5), (4, 50)])
def test_every_resample_equals_the_resample_made_one_by_one(shape: tuple[int, int]) -> None:
    n_seeds, n_tasks = shape
    cell = scores(np.round(generator().normal(size=shape), 1))  # ties
    summary = bootstrap({"a": cell}, generator(), resamples=300)["a"]
    marked = bootstrap(  # the counts, read off from the means of indicator scores
        {(s, t): scores(_indicator(shape, s, t)) for s in range(n_seeds) for t in range(n_tasks)},
        generator(),
        resamples=300,
    )
    for draw in range(0, 300, 29):
        times = np.array(
            [
                [marked[s, t].mean.draws[draw] * cell.values.size for t in range(n_tasks)]
                for s in range(n_seeds)
            ]
        ).round()
        assert times.sum() == cell.values.size
        assert np.linalg.matrix_rank(times) == 1  # the same tasks for every seed
        resample = np.repeat(cell.values.ravel(), times.astype(int).ravel())
        assert summary.mean.draws[draw] == pytest.approx(resample.mean(), abs=1e-12)
        trimmed = scipy.stats.trim_mean(resample, 0.25)
        assert summary.iqm.draws[draw] == pytest.approx(trimmed, abs=1e-12)


def _indicator(shape: tuple[int, int], seed: int, task: int) -> np.ndarray:
    values = np.zeros(shape)
    values[seed, task] = 1
    return values


def test_one_seed_agrees_with_scipys_bootstrap() -> None:
    values = generator(1).lognormal(size=200)
    mine = bootstrap({"a": scores([values])}, generator(2), resamples=10_000)["a"]
    for statistic, estimate in (
        (np.mean, mine.mean.interval),
        (lambda x, axis: scipy.stats.trim_mean(x, 0.25, axis=axis), mine.iqm.interval),
    ):
        theirs = scipy.stats.bootstrap(
            (values,), statistic, method="percentile", rng=generator(3), n_resamples=10_000
        ).confidence_interval
        width = theirs.high - theirs.low
        assert estimate.low == pytest.approx(theirs.low, abs=0.05 * width)
        assert estimate.high == pytest.approx(theirs.high, abs=0.05 * width)


@pytest.mark.parametrize(("n_seeds", "low", "high"), [(20, 0.9, 0.99), (2, 0.3, 0.7)])
def test_coverage_is_near_nominal_with_many_seeds_and_low_with_two(
    n_seeds: int, low: float, high: float
) -> None:
    covered = 0
    for trial in range(300):
        draw = generator(trial)
        values = draw.normal(size=(n_seeds, 1)) + 0.2 * draw.normal(size=(1, 30))
        mean = bootstrap({"a": scores(values)}, draw, resamples=400)["a"].mean.interval
        covered += mean.low <= 0 <= mean.high
    assert low < covered / 300 < high


def test_shared_task_difficulty_does_not_average_out_over_seeds() -> None:
    difficulty = generator().normal(size=(1, 100))
    one = bootstrap({"a": scores(difficulty)}, generator())["a"].mean.interval
    ten = bootstrap({"a": scores(np.repeat(difficulty, 10, axis=0))}, generator())[
        "a"
    ].mean.interval
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=1e-9)


def test_paired_difference_sees_what_separate_intervals_hide() -> None:
    difficulty = 10 * generator().normal(size=(2, 100))
    cells = {"a": scores(difficulty), "b": scores(difficulty + 0.5)}
    out = bootstrap(cells, generator())
    assert (
        out["b"].mean.interval.low < out["a"].mean.interval.high
    )  # the separate intervals overlap
    for kind in ("mean", "iqm"):
        estimate = paired_difference(getattr(out["b"], kind), getattr(out["a"], kind))
        difference = estimate.interval
        assert difference.value == pytest.approx(0.5)
        assert (difference.low, difference.high) == pytest.approx((0.5, 0.5))


def test_seeds_are_paired_only_where_they_match() -> None:
    values = np.array([[0.0] * 8, [1.0] * 8, [2.0] * 8])
    same = bootstrap({"a": scores(values), "b": scores(values + 1)}, generator())
    other = bootstrap({"a": scores(values), "b": scores(values + 1, (7, 8, 9))}, generator())
    paired = paired_difference(same["b"].mean, same["a"].mean).interval
    unpaired = paired_difference(other["b"].mean, other["a"].mean).interval
    assert (paired.low, paired.high) == pytest.approx((1.0, 1.0))
    assert unpaired.low < 0 < unpaired.high


def test_an_interval_does_not_depend_on_what_else_is_summarised() -> None:
    mine = scores(generator(1).lognormal(size=(3, 40)))
    other = scores(generator(2).lognormal(size=(500, 40)))  # forces smaller chunks
    alone = bootstrap({"a": mine}, generator(), resamples=500)["a"]
    together = bootstrap({"b": other, "a": mine}, generator(), resamples=500)["a"]
    np.testing.assert_allclose(alone.mean.draws, together.mean.draws, rtol=1e-12)
    np.testing.assert_allclose(alone.iqm.draws, together.iqm.draws, rtol=1e-12)


def test_outliers_leave_the_interquartile_mean_exact() -> None:
    values = np.concatenate([np.full(10, 1.0), [1e300]])
    summary = bootstrap({"a": scores([values])}, generator(), resamples=200)["a"]
    assert summary.iqm.interval[:2] == (1.0, 1.0)


@pytest.mark.parametrize(
    ("values", "seeds", "message"),
    [
        (np.zeros((2, 0)), (0, 1), "shape"),
        (np.zeros((2, 3)), (0,), "seeds"),
        (np.array([[np.nan]]), (0,), "finite"),
    ],
)
def test_scores_that_make_no_sense_are_refused(values, seeds, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scores(values, seeds)


def test_different_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match="same tasks"):
        bootstrap({"a": scores([[1.0]]), "b": scores([[1.0, 2.0]])}, generator())
