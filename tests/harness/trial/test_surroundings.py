"""What a learner leaves otherwise in its process is put back, and no more than that is set."""

import pytest
import torch

from benchmarks.harness.trial.surroundings import Surroundings, kept_state


def test_the_deterministic_mode_is_put_back_and_set_only_where_it_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To set it imports torch's compiler, which each worker would wait for."""
    surroundings, times = Surroundings(), []
    set_mode = torch.use_deterministic_algorithms
    monkeypatch.setattr(
        torch, "use_deterministic_algorithms", lambda *a, **k: times.append(set_mode(*a, **k))
    )
    surroundings.restore(0)
    assert not times
    set_mode(True, warn_only=True)
    surroundings.restore(0)
    assert not torch.are_deterministic_algorithms_enabled()
    set_mode(False, warn_only=True)
    surroundings.restore(0)
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert len(times) == 2


def test_convolutions_on_a_gpu_leave_out_no_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """And whoever lets a trial run in this process finds torch as it was."""
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "allow_tf32", True)
    with kept_state():
        Surroundings().restore(0)
        assert not cudnn.allow_tf32
    assert cudnn.allow_tf32
    cudnn.conv.fp32_precision = "ieee"  # what torch then refuses to say in the other words
    Surroundings().restore(0)
    assert not cudnn.allow_tf32
