import numpy as np
import pytest
import scipy.stats

from benchmarks.report.statistics import (
    Coverage,
    Estimate,
    Scores,
    bootstrap,
    bootstrap_means,
    holm,
    improvement,
    minimum_detectable,
    optimality_gap,
    p_value,
    paired_difference,
    performance_profiles,
    probabilities_of_improvement,
)
from benchmarks.report.statistics.resampling import draws


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scores(values) -> Scores:
    values = np.asarray(values, dtype=float)
    return Scores(values, tuple(range(len(values))))


def one_by_one(cells: list[Scores], resamples: int):
    """Every resample made as written down: for each, the seeds and the tasks that it has."""
    for draw in draws(cells, generator(), resamples):
        for r in range(draw.tasks.shape[1]):
            yield [
                cell.values[
                    np.ix_(
                        np.repeat(np.arange(len(cell.seeds)), draw.seeds[cell.seeds][:, r]),
                        np.repeat(np.arange(len(draw.tasks)), draw.tasks[:, r]),
                    )
                ]
                for cell in cells
            ]


def test_means_alone_are_those_of_the_whole_bootstrap_to_the_bit() -> None:
    cells = {key: scores(generator(key).normal(size=(3, 20))) for key in range(2)}
    whole, alone = bootstrap(cells, generator(5)), bootstrap_means(cells, generator(5))
    for key in cells:
        assert alone[key].value == whole[key].mean.value
        assert np.array_equal(alone[key].draws, whole[key].mean.draws)


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


@pytest.mark.parametrize("seeds", [(3, 3), (4, 2), (1, 1)])
def test_every_resampled_probability_is_that_of_its_resample(seeds: tuple[int, int]) -> None:
    first, second = (scores(np.round(generator(s).normal(size=(s, 9)), 1)) for s in seeds)
    found = probabilities_of_improvement({"a": first}, second, generator(), resamples=150)["a"]
    assert found.value == improvement(first.values, second.values).mean()
    for at, (one, other) in enumerate(one_by_one([first, second], 150)):
        assert found.draws[at] == pytest.approx(improvement(one, other).mean(), abs=1e-12)


def test_who_is_always_better_is_certain_to_improve_and_whoever_is_the_same_is_even() -> None:
    cell = scores(generator().lognormal(size=(3, 20)))
    better = scores(cell.values.min(axis=0, keepdims=True) - 1 + np.zeros((3, 1)))
    found = probabilities_of_improvement({"better": better, "same": cell}, cell, generator())
    assert found["better"].interval == (1.0, 1.0, 1.0)
    assert found["same"].value == 0.5


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


def test_p_value_by_hand() -> None:
    assert p_value(Estimate(1.0, np.array([1.0, 2.0, -1.0, 3.0]))) == 2 * (1 + 1) / 5
    assert p_value(Estimate(1.0, np.full(99, 1.0))) == 2 / 100
    assert p_value(Estimate(0.0, np.zeros(10))) == 1.0


def test_p_is_below_5_percent_where_the_interval_is_on_one_side_of_0() -> None:
    sides = set()
    for trial in range(60):
        draw = generator(trial)
        means = bootstrap_means(
            {name: scores(draw.normal(mean, 1, (3, 40))) for name, mean in (("a", 0.6), ("b", 0))},
            draw,
            resamples=999,
        )
        difference = paired_difference(means["a"], means["b"])
        low, high = difference.interval[1:]
        p = p_value(difference)
        if abs(p - 0.05) > 0.003:  # the interval's ends lie between two resamples
            assert (p < 0.05) == (not low <= 0 <= high)
            sides.add(p < 0.05)
    assert sides == {True, False}


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.2])
def test_p_of_one_seed_is_near_scipys_permutation_test_and_t_test(shift: float) -> None:
    first, second = generator(1).normal(shift, 1, 150), generator(2).normal(0, 1, 150)
    means = bootstrap_means({"a": scores([first]), "b": scores([second])}, generator(), 10_000)
    mine = p_value(paired_difference(means["a"], means["b"]))
    permuted = scipy.stats.permutation_test(
        (first - second,),
        lambda x, axis: x.mean(axis=axis),
        permutation_type="samples",
        n_resamples=5_000,
        vectorized=True,
        rng=generator(3),
    ).pvalue
    assert mine == pytest.approx(permuted, abs=0.03)
    assert mine == pytest.approx(scipy.stats.ttest_rel(first, second).pvalue, abs=0.03)


def test_minimum_detectable_effect_by_hand() -> None:
    spread = np.array([-1.0, 0.0, 1.0])  # a standard deviation of 1
    assert minimum_detectable(Estimate(7.0, spread)) == pytest.approx(1.95996 + 0.84162, abs=1e-4)
    assert minimum_detectable(Estimate(0.0, 3 * spread)) == pytest.approx(3 * 2.80159, abs=1e-4)
    assert minimum_detectable(Estimate(0.5, np.full(9, 0.5))) == 0.0


def test_an_effect_as_small_as_detectable_is_detected_four_times_in_five() -> None:
    draw = generator(4)
    task = draw.normal(size=(500, 1, 80))  # as hard for both learners
    noise = 0.2 * draw.normal(size=(2, 500, 25, 1)) + draw.normal(size=(2, 500, 1, 80))
    cells = {(name, i): scores(task[i] + noise[name, i]) for name in (0, 1) for i in range(500)}
    means = bootstrap_means(cells, generator(5), resamples=500)
    differences = [paired_difference(means[1, i], means[0, i]) for i in range(500)]
    smallest = float(np.mean([minimum_detectable(it) for it in differences]))
    seen = [it.interval.low + smallest > 0 for it in differences]
    assert 0.75 < np.mean(seen) < 0.86


def test_optimality_gap_by_hand() -> None:
    assert optimality_gap(np.array([[0.2, 1.5], [0.8, 1.0]])) == pytest.approx(1.0 / 4)
    assert optimality_gap(np.array([0.2, 1.5]), target=2.0) == pytest.approx((1.8 + 0.5) / 2)


def test_profiles_by_hand() -> None:
    cell = scores([[1.0, 2.0, 2.0, 4.0]])
    thresholds = np.array([0.5, 1.0, 2.0, 3.0, 4.0, 9.0])
    down = performance_profiles({"a": cell}, thresholds, generator())["a"]
    up = performance_profiles({"a": cell}, thresholds, generator(), higher_is_better=True)["a"]
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
    found = performance_profiles({"a": cell}, thresholds, generator())["a"]
    ecdf = scipy.stats.ecdf(cell.values.ravel())
    np.testing.assert_allclose(found.share, ecdf.cdf.evaluate(thresholds))
    up = performance_profiles({"a": cell}, thresholds, generator(), higher_is_better=True)["a"]
    np.testing.assert_allclose(up.share, ecdf.sf.evaluate(thresholds))  # no ties with thresholds


@pytest.mark.parametrize("upward", [False, True])
def test_bands_of_a_profile_are_quantiles_of_resamples_made_one_by_one(upward: bool) -> None:
    cell = scores(np.round(generator().normal(size=(3, 12)), 1))
    thresholds = np.round(np.linspace(-2, 2, 9), 1)
    found = performance_profiles(
        {"a": cell}, thresholds, generator(), resamples=200, higher_is_better=upward
    )["a"]
    shares = [
        [(values >= t).mean() if upward else (values <= t).mean() for t in thresholds]
        for (values,) in one_by_one([cell], 200)
    ]
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(found.low, low, atol=1e-12)
    np.testing.assert_allclose(found.high, high, atol=1e-12)


def test_coverage_of_trials_in_words() -> None:
    assert str(Coverage(2, 3)) == "2 of 3"
    assert Coverage(2, 3).share == pytest.approx(2 / 3)
    assert Coverage(3, 3).complete
    assert not Coverage(0, 3).complete
