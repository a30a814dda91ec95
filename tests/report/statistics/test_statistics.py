import numpy as np
import pytest
import scipy.stats

from benchmarks.report.statistics import (
    Estimate,
    Grounds,
    Interval,
    Scores,
    estimate,
    interquartile_mean,
    intervals,
    paired_difference,
    summary,
    together,
    unpaired_difference,
)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scores(values, seeds=None, groups=None, folds=None) -> Scores:
    values = np.asarray(values, dtype=float)
    return Scores(values, tuple(range(len(values))) if seeds is None else seeds, groups, folds)


def width(interval: Interval) -> float:
    return interval.high - interval.low


def test_interquartile_mean_by_hand() -> None:
    assert interquartile_mean(np.array([8.0, 1.0, 3.0, 100.0])) == 5.5
    assert interquartile_mean(np.array([[1.0, 2.0], [3.0, 1e9], [4.0, -1e9]])) == 2.5
    assert interquartile_mean(np.array([2.0, 4.0])) == 3.0


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 600), (5, 13), (3, 3)])
def test_interquartile_mean_is_scipys_trimmed_mean(shape: tuple[int, int]) -> None:
    values = generator().lognormal(size=shape)
    expected = scipy.stats.trim_mean(values.ravel(), 0.25)
    assert interquartile_mean(values) == pytest.approx(expected, rel=1e-12)


def test_one_seed_of_independent_tasks_has_the_interval_of_a_t_test() -> None:
    values = generator(1).lognormal(size=200)
    mine = estimate(scores([values])).interval
    theirs = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mine == pytest.approx((values.mean(), theirs.low, theirs.high), rel=1e-12)


def test_seeds_alone_have_the_interval_of_a_t_test() -> None:
    by_seed = np.array([1.0, 3.0, 4.0])
    mine = estimate(scores(np.repeat(by_seed[:, None], 20, axis=1))).interval
    theirs = scipy.stats.ttest_1samp(by_seed, 0).confidence_interval(0.95)
    assert mine == pytest.approx((by_seed.mean(), theirs.low, theirs.high), rel=1e-12)


def test_both_parts_by_hand() -> None:
    seed, task = np.array([0.0, 1.0, 5.0]), np.array([0.0, 1.0, 2.0, 7.0])
    found = estimate(scores(seed[:, None] + task))
    of_groups, of_seeds = task.var(ddof=1) / 4, seed.var(ddof=1) / 3
    np.testing.assert_allclose(found.parts, [(of_groups, 3.0), (of_seeds, 2.0)])
    t3, t2 = (scipy.stats.t.ppf(0.975, df) for df in (3, 2))
    reach = (t3 * of_groups + t2 * of_seeds) / np.sqrt(of_groups + of_seeds)
    assert found.interval == pytest.approx((4.5, 4.5 - reach, 4.5 + reach))


def test_shared_task_difficulty_does_not_average_out_over_seeds() -> None:
    difficulty = generator().normal(size=(1, 100))
    one = estimate(scores(difficulty)).interval
    ten = estimate(scores(np.repeat(difficulty, 10, axis=0))).interval
    assert ten == pytest.approx(one, rel=1e-9)


def test_tasks_of_one_group_count_once() -> None:
    by_group = generator().normal(size=(3, 9))
    groups = np.repeat(np.arange(9), 40)
    whole, means = scores(by_group[:, groups], groups=groups), scores(by_group)
    assert estimate(whole).interval == pytest.approx(estimate(means).interval)
    independent = estimate(scores(by_group[:, groups])).interval
    assert width(independent) < width(estimate(whole).interval)


def test_names_and_order_of_groups_do_not_matter() -> None:
    values, groups = generator().normal(size=(2, 30)), np.arange(30) % 7
    named = [f"station {9 - it}" for it in groups]
    order = generator(1).permutation(30)
    shuffled = scores(values[:, order], groups=[named[i] for i in order])
    first, second = (estimate(it) for it in (scores(values, groups=groups), shuffled))
    assert second.interval == pytest.approx(first.interval, rel=1e-12)


def test_groups_of_unequal_size_leave_fewer_degrees_of_freedom() -> None:
    groups = np.repeat(np.arange(8), [60, 5, 5, 5, 5, 5, 5, 5])
    clusters = scores(np.zeros((1, 95)), groups=groups).clusters
    assert 1 < clusters.freedom < 3
    effects = generator(2).normal(size=(1_500, 8))  # and their variance is not biased
    found = [estimate(scores(it[None, groups], groups=groups)) for it in effects]
    seen = np.mean([it.variance for it in found])
    assert seen == pytest.approx(np.var([it.value for it in found]), rel=0.15)


def test_one_group_has_no_interval_however_many_tasks() -> None:
    for cell in (scores([[1.0], [2.0]]), scores(generator().normal(size=(3, 50)), groups=[7] * 50)):
        found = summary(cell)
        assert not found.mean.interval.known
        assert not found.iqm.interval.known
        assert not found.mean.interval.excludes_zero
        assert found.mean.interval.drawn[1:] == (found.mean.value,) * 2


@pytest.mark.parametrize(
    ("seeds", "groups", "verdict"), [(2, 6, True), (1, 600, False), (5, 5, False)]
)
def test_a_verdict_takes_two_seeds_and_six_groups(seeds: int, groups: int, verdict: bool) -> None:
    assert Grounds(seeds, groups).verdict is verdict


def test_with_a_fold_for_each_group_training_shows_in_the_groups() -> None:
    """All that differs then differs from group to group: the interval is that of their means."""
    draw = generator(3)
    groups = np.repeat(np.arange(12), 5)
    values = draw.normal(size=(2, 12))[:, groups] + draw.normal(size=(2, 60))
    folded = estimate(scores(values, groups=groups, folds=groups)).interval
    means = values.reshape(2, 12, 5).mean((0, 2))
    theirs = scipy.stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert folded == pytest.approx((means.mean(), theirs.low, theirs.high))


@pytest.mark.parametrize("per_fold", [1, 3])
def test_the_variance_with_folds_is_right_on_average(per_fold: int) -> None:
    draw, folds = generator(4), np.repeat(np.arange(4), per_fold)
    found = [
        estimate(
            scores(
                draw.normal(size=(3, 4))[:, folds] + draw.normal(size=len(folds)),
                groups=np.arange(len(folds)),
                folds=folds,
            )
        )
        for _ in range(1_200)
    ]
    seen = np.mean([it.variance for it in found])
    assert seen == pytest.approx(np.var([it.value for it in found]), rel=0.15)


def test_paired_difference_sees_what_separate_intervals_hide() -> None:
    difficulty = 10 * generator().normal(size=(2, 100))
    one, other = summary(scores(difficulty)), summary(scores(difficulty + 0.5))
    assert other.mean.interval.low < one.mean.interval.high  # the separate intervals overlap
    for kind in ("mean", "iqm"):
        difference = paired_difference(getattr(other, kind), getattr(one, kind)).interval
        assert difference == pytest.approx((0.5, 0.5, 0.5))


def test_seeds_are_paired_only_where_they_match() -> None:
    values = np.array([[0.0] * 8, [1.0] * 8, [2.0] * 8])
    one, same = estimate(scores(values)), estimate(scores(values + 1))
    other = estimate(scores(values + 1, (7, 8, 9)))
    assert paired_difference(same, one).interval == pytest.approx((1.0, 1.0, 1.0))
    apart = paired_difference(other, one)
    assert apart.interval.low < 0 < apart.interval.high
    assert [part.variance for part in apart.parts] == pytest.approx([0, 1 / 3, 1 / 3])


def test_tasks_are_paired_though_seeds_are_not() -> None:
    difficulty = 10 * generator().normal(size=(1, 100))
    one = estimate(scores(np.repeat(difficulty, 2, axis=0), (0, 1)))
    other = estimate(scores(np.repeat(difficulty + 0.5, 3, axis=0), (5, 6, 7)))
    assert paired_difference(other, one).interval == pytest.approx((0.5, 0.5, 0.5))
    assert unpaired_difference(other, one).interval.low < 0
    total = sum(part.variance for it in (one, other) for part in it.parts)
    assert unpaired_difference(other, one).variance == pytest.approx(total)


def test_the_interval_of_an_interquartile_mean_is_scipys_bootstrap_with_many_scores() -> None:
    values = generator(1).lognormal(size=300)
    mine = summary(scores([values])).iqm.interval
    theirs = scipy.stats.bootstrap(
        (values,),
        lambda x, axis: scipy.stats.trim_mean(x, 0.25, axis=axis),
        method="percentile",
        rng=generator(3),
        n_resamples=5_000,
    ).confidence_interval
    assert width(mine) == pytest.approx(theirs.high - theirs.low, rel=0.1)
    assert mine.low == pytest.approx(theirs.low, abs=0.1 * width(mine))


def test_outliers_leave_the_interquartile_mean_exact() -> None:
    values = np.concatenate([np.full(10, 1.0), [1e300]])
    assert summary(scores([values])).iqm.interval == (1.0, 1.0, 1.0)


def test_an_interval_does_not_leave_what_is_possible() -> None:
    found = estimate(scores([[0.0, 0.0, 0.1], [0.0, 0.0, 0.4]]), within=(0.0, 1.0)).interval
    assert found.low == 0.0
    assert found.value < found.high <= 1.0


@pytest.mark.parametrize(
    ("values", "seeds", "names", "message"),
    [
        (np.zeros((2, 0)), (0, 1), {}, "shape"),
        (np.zeros((2, 3)), (0,), {}, "seeds"),
        (np.array([[np.nan]]), (0,), {}, "finite"),
        (np.zeros((1, 3)), (0,), {"groups": ["a", "b"]}, "3 tasks but 2 groups"),
        (np.zeros((1, 3)), (0,), {"folds": [0]}, "3 tasks but 1 folds"),
        (np.zeros((1, 2)), (0,), {"groups": ["a", "a"], "folds": [0, 1]}, "two folds"),
    ],
)
def test_scores_that_make_no_sense_are_refused(values, seeds, names, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scores(values, seeds, **names)


def test_different_tasks_are_not_paired() -> None:
    two = scores([[1.0, 2.0]])
    for other in (scores([[1.0]]), scores([[1.0, 2.0]], groups=[0, 0])):
        with pytest.raises(ValueError, match="same tasks"):
            paired_difference(estimate(two), estimate(other))


@pytest.mark.parametrize(
    ("groups", "folds"),
    [(None, None), ([0, 0, 1, 1, 2, 2, 2, 3], None), ([0, 0, 1, 1, 2, 2, 2, 3], [0] * 4 + [1] * 4)],
)
def test_many_intervals_at_once_are_those_of_each(
    groups: list[int] | None, folds: list[int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "MOST", 50)  # several turns
    draw = generator(3).normal

    def made(seeds: int) -> list[Estimate]:
        of = [scores(draw(size=(seeds, 8)), groups=groups, folds=folds) for _ in range(4)]
        means = [summary(it, within=(-0.1, 0.1)).mean for it in of]
        return [*means, *(summary(it).iqm for it in of), paired_difference(means[0], means[1])]

    fewer, more, alike = made(2), made(3), estimate(scores(np.ones((2, 8)), None, groups, folds))
    several = paired_difference(fewer[0], more[0])
    one = estimate(scores(draw(size=(3, 4)), groups=[0] * 4))
    apart = unpaired_difference(fewer[0], more[1])
    asked = [one, *more, several, alike, apart, *fewer]
    for found, it in zip(intervals(asked), asked, strict=True):
        assert found == pytest.approx(it.interval, rel=1e-12, nan_ok=True)
