"""Collapse, unused options and mutual information, by hand."""

import math

import numpy as np
import pytest

from benchmarks.report.statistics.routes import collapse, information, unused


def test_collapse_is_0_for_even_use_and_1_for_a_single_option() -> None:
    assert collapse(np.arange(12) % 4, 4) == pytest.approx(0.0)
    assert collapse(np.full(12, 3), 4) == pytest.approx(1.0)
    # half of the options equally often: 4 · 2 · 1/4 / 3
    assert collapse(np.arange(12) % 2, 4) == pytest.approx(2 / 3)
    assert collapse(np.zeros(5, dtype=int), 1) == 0.0


def test_unused_options_are_counted() -> None:
    assert unused(np.array([0, 2, 2]), 5) == 3


def test_a_choice_that_follows_a_trait_tells_all_of_it() -> None:
    trait = np.repeat([0.0, 1.0, 2.0, 3.0], 250)
    told = information(trait.astype(int), trait)
    assert told == pytest.approx(math.log(4) - 9 / 2000)
    assert information((trait > 1).astype(int), trait) == pytest.approx(math.log(2) - 3 / 2000)


def test_unrelated_choices_tell_next_to_nothing() -> None:
    random = np.random.default_rng(0)
    told = [information(random.integers(0, 6, 600), random.random(600)) for _ in range(20)]
    assert np.mean(told) < 0.01


def test_continuous_traits_are_cut_into_classes() -> None:
    trait = np.random.default_rng(0).random(1000)
    halves = (trait > np.median(trait)).astype(int)
    assert 0.5 < information(halves, trait) <= math.log(2)
