import random
from io import BytesIO

import numpy as np
import pytest
import torch

from benchmarks.core import generator_of, seed_of
from benchmarks.core.seeds import random_state, set_random_state
from benchmarks.harness.trial.surroundings import kept_state


def test_seeds_are_the_same_on_every_machine_and_for_ever():
    assert seed_of("tasks", "sinusoid", 0) == 6157538842918000375
    draw = torch.rand(1, generator=generator_of("tasks", "sinusoid", 0))
    assert draw.item() == pytest.approx(0.7908632, abs=1e-6)


def test_every_name_matters_and_so_does_where_it_ends():
    seeds = {seed_of("a", 1), seed_of("a", 2), seed_of("b", 1), seed_of("a1"), seed_of("", "a1")}
    assert len(seeds) == 5


def test_a_seed_fits_a_generator():
    assert all(0 <= seed_of("n", i) < 2**63 for i in range(200))


@pytest.mark.parametrize("of_once", [False, True])
def test_what_a_process_draws_by_default_can_be_kept_in_a_file(of_once):
    with kept_state():
        random.gauss(0, 1)  # of a pair, the other is kept
        kept = random_state()
        if of_once:
            version, words, gauss = kept["python"]
            kept["python"] = [version, tuple(words.tolist()), gauss]
        drawn = random.random(), random.gauss(0, 1), np.random.random(), float(torch.rand(1))
        torch.save(kept, file := BytesIO())
        file.seek(0)
        set_random_state(torch.load(file, weights_only=True))
        again = random.random(), random.gauss(0, 1), np.random.random(), float(torch.rand(1))
    assert drawn == again
