import pytest
import torch

from benchmarks.core import generator_of, seed_of


def test_seeds_are_the_same_on_every_machine_and_for_ever():
    assert seed_of("tasks", "sinusoid", 0) == 6157538842918000375
    draw = torch.rand(1, generator=generator_of("tasks", "sinusoid", 0))
    assert draw.item() == pytest.approx(0.7908632, abs=1e-6)


def test_every_name_matters_and_so_does_where_it_ends():
    seeds = {seed_of("a", 1), seed_of("a", 2), seed_of("b", 1), seed_of("a1"), seed_of("", "a1")}
    assert len(seeds) == 5


def test_a_seed_fits_a_generator():
    assert all(0 <= seed_of("n", i) < 2**63 for i in range(200))
