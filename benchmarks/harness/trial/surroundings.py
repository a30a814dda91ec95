"""What a process has only one of, and a learner may leave otherwise than it was."""

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch

from benchmarks.core import seed_of
from benchmarks.core.seeds import random_state, set_random_state


class Surroundings:
    """The state of the process as it was when this was made."""

    def __init__(self) -> None:
        self._folder = Path.cwd()
        self._threads = torch.get_num_threads()
        self._dtype = torch.get_default_dtype()
        self._device = torch.get_default_device()
        self._deterministic = _deterministic()
        self._recursion = sys.getrecursionlimit()
        self.short = _short()

    def restore(self, seed: int) -> None:
        """As it was, with global generators that follow from the seed alone.

        Learners get generators; those are for the dependencies that only know global state. What is
        reckoned on a GPU in single precision is, as on the CPU.
        """
        with suppress(OSError):
            os.chdir(self._folder)
        sys.setrecursionlimit(self._recursion)
        torch.set_grad_enabled(True)
        torch.set_default_dtype(self._dtype)
        if torch.get_default_device() != self._device:
            torch.set_default_device(self._device)
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        if _deterministic() != self._deterministic:  # to set it imports a compiler: over a second
            torch.use_deterministic_algorithms(
                self._deterministic[0], warn_only=self._deterministic[1]
            )
        torch.backends.cudnn.allow_tf32 = False  # 13 of 23 bits would be left out of convolutions
        for descriptor in (1, 2):
            _open(descriptor)
        seed = seed_of("global", seed)
        if torch.accelerator.is_available():
            torch.manual_seed(seed)
        else:  # that would note where it was called, for a GPU that may be found later
            torch.default_generator.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)


@contextmanager
def kept_state() -> Iterator[None]:
    """The global state of this process stays what it was, generators included."""
    surroundings, grad = Surroundings(), torch.is_grad_enabled()
    states = random_state()
    try:
        yield
    finally:
        surroundings.restore(0)
        torch.set_grad_enabled(grad)
        torch.backends.cudnn.allow_tf32 = surroundings.short
        set_random_state(states)


def _short() -> bool:
    try:
        return torch.backends.cudnn.allow_tf32
    except RuntimeError:  # somebody has set it otherwise than torch expects
        return False


def _deterministic() -> tuple[bool, bool]:
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    return torch.are_deterministic_algorithms_enabled(), warns


def _open(descriptor: int) -> None:
    """Nothing that is opened next is to take the number of a closed standard stream."""
    try:
        os.fstat(descriptor)
    except OSError:
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
