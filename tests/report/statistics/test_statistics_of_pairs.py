import numpy as np
import pytest
import scipy.stats

from benchmarks.report.statistics import (
    Coverage,
    Estimate,
    Scores,
    estimate,
    holm,
    improvement,
    minimum_detectable,
    optimality_gap,
    p_value,
    paired_difference,
    performance_profile,
    probability_of_improvement,
)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scores(values) -> Scores:
    values = np.asarray(values, dtype=float)
    return Scores(values, tuple(range(len(values))))


def test_probability_of_improvement_by_hand() -> None:
    first, second = np.array([[1.0], [3.0]]), np.array([[2.0], [3.0]])
    won = improvement(first, second)
    assert won[:, :, 0].tolist() == [[1.0, 1.0], [0.0, 0.5]]
    assert improvement(first, second, higher_is_better=True)[:, :, 0].tolist() == [
        [0.0, 0.0],
        [1.0, 0.5],
    ]


def test_probability_of_improvement_is_mann_and_whitneys_on_each_task() -> None:
    first, second = (np.round(generator(k).normal(size=(4 + k, 30)), 1) for k in range(2))
    expected = [
        scipy.stats.mannwhitneyu(first[:, t], second[:, t]).statistic / (4 * 5) for t in range(30)
    ]
    mine = improvement(first, second, higher_is_better=True)
    assert mine.mean() == pytest.approx(np.mean(expected), rel=1e-12)


def test_who_is_always_better_is_certain_to_improve_and_whoever_is_the_same_is_even() -> None:
    cell = scores(generator().lognormal(size=(3, 20)))
    better = scores(cell.values.min(axis=0, keepdims=True) - 1 + np.zeros((3, 1)))
    assert probability_of_improvement(better, cell).interval == (1.0, 1.0, 1.0)
    assert probability_of_improvement(cell, cell).value == 0.5


@pytest.mark.parametrize("paired", [True, False])
def test_the_interval_of_a_probability_of_improvement_covers_it(paired: bool) -> None:
    """Two equal learners: ½. Tasks suit one or the other, and seeds are better or worse."""
    draw, covered = generator(6), []
    for _ in range(300):
        shared = draw.normal(size=(1, 60))
        one, other = (
            shared + draw.normal(size=(1, 60)) + 0.5 * draw.normal(size=(6, 1)) for _ in range(2)
        )
        second = Scores(other, tuple(range(6)) if paired else tuple(range(10, 16)))
        found = probability_of_improvement(scores(one), second)
        covered.append(found.interval.low <= 0.5 <= found.interval.high)
    assert 0.91 < np.mean(covered) <= 0.99


def test_a_probability_of_improvement_needs_the_same_tasks() -> None:
    with pytest.raises(ValueError, match="same tasks"):
        probability_of_improvement(scores([[1.0]]), scores([[1.0, 2.0]]))


def test_holm_by_hand() -> None:
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert list(adjusted) == ["a", "b", "c", "d"]
    assert adjusted == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert holm({"a": 0.4, "b": 0.6}) == pytest.approx({"a": 0.8, "b": 0.8})
    assert holm({"a": 0.7, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_holm_rejects_what_stepping_down_rejects() -> None:
    for trial in range(200):
        p = dict(enumerate(generator(trial).uniform(0, 0.06, 5)))
        rejected = set()
        for rank, key in enumerate(sorted(p, key=p.__getitem__)):
            if p[key] > 0.05 / (5 - rank):
                break
            rejected.add(key)
        assert {key for key, value in holm(p).items() if value <= 0.05} == rejected


def test_p_of_one_sort_of_variance_is_that_of_a_t_test() -> None:
    by_task = generator(1).normal(0.2, 1, 150)
    both = scores(np.stack([by_task, by_task]))  # the seeds are alike
    assert p_value(estimate(both)) == pytest.approx(scipy.stats.ttest_1samp(by_task, 0).pvalue)
    by_seed = np.array([1.0, 3.0, 4.0])
    mine = p_value(estimate(scores(np.repeat(by_seed[:, None], 20, axis=1))))
    assert mine == pytest.approx(scipy.stats.ttest_1samp(by_seed, 0).pvalue)


def test_p_of_what_does_not_vary_is_0_or_1() -> None:
    assert p_value(estimate(scores(np.full((2, 9), 0.5)))) == 0
    assert p_value(estimate(scores(np.zeros((2, 9))))) == 1


@pytest.mark.parametrize(
    "cell",
    [
        Scores(np.ones((1, 100)), (0,)),  # one seed
        Scores(np.ones((3, 5)), (0, 1, 2)),  # five tasks
        Scores(np.ones((3, 100)), (0, 1, 2), np.arange(100) % 3),  # three groups
    ],
)
def test_there_is_no_p_and_nothing_detectable_without_a_verdict(cell: Scores) -> None:
    assert np.isnan(p_value(estimate(cell)))
    assert np.isnan(minimum_detectable(estimate(cell)))


def test_what_has_no_p_counts_as_no_comparison() -> None:
    adjusted = holm({"a": 0.01, "b": float("nan"), "c": 0.04})
    assert (adjusted["a"], adjusted["c"]) == (0.02, 0.04)
    assert np.isnan(adjusted["b"])


def test_p_is_below_5_percent_where_the_interval_is_on_one_side_of_0() -> None:
    sides = set()
    for trial in range(60):
        draw = generator(trial)
        cells = [draw.normal(mean, 1, (3, 40)) + draw.normal(0, 0.1, (3, 1)) for mean in (0.6, 0)]
        difference = paired_difference(*(estimate(scores(it)) for it in cells))
        p = p_value(difference)
        assert (p < 0.05) == difference.interval.excludes_zero
        sides.add(p < 0.05)
    assert sides == {True, False}


def test_the_interval_at_the_level_of_p_just_reaches_0() -> None:
    difference = estimate(scores(generator(8).normal(0.3, 1, (4, 50))))
    assert difference.reach(1 - p_value(difference)) == pytest.approx(difference.value, rel=1e-6)


def test_minimum_detectable_effect_by_hand() -> None:
    task = np.arange(10.0)
    error = task.std(ddof=1) / np.sqrt(10)
    found = minimum_detectable(estimate(scores(np.stack([task, task]))))
    t = scipy.stats.t(9)
    assert found == pytest.approx((t.ppf(0.975) + t.ppf(0.8)) * error)
    assert minimum_detectable(estimate(scores(np.full((2, 10), 0.5)))) == 0.0


def test_an_effect_as_small_as_detectable_is_detected_four_times_in_five() -> None:
    draw = generator(4)
    task = draw.normal(size=(500, 1, 80))  # as hard for both learners
    noise = 0.2 * draw.normal(size=(2, 500, 25, 1)) + draw.normal(size=(2, 500, 1, 80))
    differences: list[Estimate] = [
        paired_difference(*(estimate(scores(task[i] + noise[name, i])) for name in (1, 0)))
        for i in range(500)
    ]
    smallest = float(np.mean([minimum_detectable(it) for it in differences]))
    seen = [it.interval.low + smallest > 0 for it in differences]
    assert 0.75 < np.mean(seen) < 0.86


def test_optimality_gap_by_hand() -> None:
    assert optimality_gap(np.array([[0.2, 1.5], [0.8, 1.0]])) == pytest.approx(1.0 / 4)
    assert optimality_gap(np.array([0.2, 1.5]), target=2.0) == pytest.approx((1.8 + 0.5) / 2)


def test_profiles_by_hand() -> None:
    cell = scores([[1.0, 2.0, 2.0, 4.0]])
    thresholds = np.array([0.5, 1.0, 2.0, 3.0, 4.0, 9.0])
    down = performance_profile(cell, thresholds)
    up = performance_profile(cell, thresholds, higher_is_better=True)
    assert down.share.tolist() == [0.0, 0.25, 0.75, 0.75, 1.0, 1.0]
    assert up.share.tolist() == [1.0, 1.0, 0.75, 0.25, 0.25, 0.0]
    for profile in (down, up):
        assert (profile.low <= profile.share).all()
        assert (profile.share <= profile.high).all()
        certain = (profile.share == 0) | (profile.share == 1)
        assert (profile.low == profile.high)[certain].all()
        assert (profile.low < profile.high)[~certain].all()


def test_a_profile_is_scipys_distribution_function() -> None:
    cell = scores(generator().lognormal(size=(3, 50)))
    thresholds = np.geomspace(0.05, 20, 40)
    ecdf = scipy.stats.ecdf(cell.values.ravel())
    found = performance_profile(cell, thresholds)
    np.testing.assert_allclose(found.share, ecdf.cdf.evaluate(thresholds))
    up = performance_profile(cell, thresholds, higher_is_better=True)
    np.testing.assert_allclose(up.share, ecdf.sf.evaluate(thresholds))  # no ties with thresholds


def test_the_band_of_a_profile_is_wider_where_tasks_come_in_groups() -> None:
    by_group = np.repeat(generator().normal(size=(1, 9)), 2, axis=0)
    groups = np.repeat(np.arange(9), 20)
    alone = performance_profile(scores(by_group[:, groups]), np.array([0.0]))
    cell = Scores(by_group[:, groups], (0, 1), groups)
    grouped = performance_profile(cell, np.array([0.0]))
    assert grouped.share == alone.share
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_coverage_of_trials_in_words() -> None:
    assert str(Coverage(2, 3)) == "2 of 3"
    assert Coverage(2, 3).share == pytest.approx(2 / 3)
    assert Coverage(3, 3).complete
    assert not Coverage(0, 3).complete


@pytest.mark.parametrize(
    ("seeds", "groups", "folds"),
    [
        (3, None, None),
        (1, None, None),
        (2, [0] * 24, None),
        (3, [i // 3 for i in range(24)], [i // 6 for i in range(24)]),
    ],
)
def test_a_profile_is_an_estimate_at_each_threshold(seeds: int, groups, folds) -> None:
    draw = np.random.default_rng(seeds)
    values = draw.normal(size=(seeds, 24)) + draw.normal(size=(seeds, 1))
    scores = Scores(values, tuple(range(seeds)), groups, folds)
    thresholds = np.linspace(-9, 9, 40)
    found = performance_profile(scores, thresholds)
    one_by_one = [
        estimate(scores.like((values <= it).astype(float)), within=(0.0, 1.0)).interval
        for it in thresholds
    ]
    np.testing.assert_allclose(
        np.stack([found.share, found.low, found.high], 1), one_by_one, rtol=1e-12, atol=1e-12
    )
