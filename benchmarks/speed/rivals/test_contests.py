"""All who are compared do the same work: from the same start they come to the same loss."""

from functools import partial

import pytest

from benchmarks.speed.rivals.contests import Contest, jaxs, ours, rivals_on
from benchmarks.speed.turns import race
from benchmarks.testing.toy import ToyClasses

NEAR = 0.03
"""Adam's first steps are as large where a gradient is nothing but rounding as anywhere."""
CONTESTS = rivals_on(ToyClasses(5, (1, 28, 28)), size=0.02)


@pytest.mark.parametrize("contest", CONTESTS, ids=[it.name for it in CONTESTS])
def test_learn2learns_loop_is_the_same_training(contest: Contest) -> None:
    sides = {"ours": partial(ours, contest), "theirs": partial(contest.theirs, contest)}
    first, other = race(sides, 2, 1, contest.validation)
    assert first.done == other.done == 2
    assert other.loss == pytest.approx(first.loss, rel=NEAR)


@pytest.mark.parametrize("contest", CONTESTS[:2], ids=[it.name for it in CONTESTS[:2]])
def test_jax_is_the_same_training(contest: Contest) -> None:
    pytest.importorskip("jax", reason="not run: there is no JAX here")
    sides = {"ours": partial(ours, contest), "jax": partial(jaxs, contest)}
    first, other = race(sides, 2, 1, contest.validation)
    assert other.loss == pytest.approx(first.loss, rel=NEAR)
