"""What this project shares of stable-baselines3: private randomness, when to stop, what to log."""

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter, Logger

LOGGED = {
    "policy_loss": "train/policy_gradient_loss",
    "value_loss": "train/value_loss",
    "explained_variance": "train/explained_variance",
    "clip_fraction": "train/clip_fraction",
    "policy_entropy": "train/entropy_loss",
}
"""The names under which a learner logs, and what stable-baselines3 calls them."""


@contextmanager
def private_randomness(generator: torch.Generator, device: torch.device) -> Iterator[None]:
    """Seed the global random states from `generator`, and put them back as they were at the end.

    stable-baselines3 draws from Python's, NumPy's and torch's global states and takes no generator.
    """
    seed = int(torch.randint(2**31, (), generator=generator))
    python, numpy = random.getstate(), np.random.get_state()
    cuda = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=cuda):
            random.seed(seed)
            np.random.seed(seed)
            # torch.manual_seed would also seed devices whose state is not put back
            torch.default_generator.manual_seed(seed)
            if cuda:
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


class StopWhen(BaseCallback):
    """Ends `learn` after the step at which `stop` first says so.

    stable-baselines3 then drops the rollout it was collecting, without an update.
    """

    def __init__(self, stop: Callable[[], bool]) -> None:
        super().__init__()
        self.stop = stop

    def _on_step(self) -> bool:
        return not self.stop()


class _Forward(KVWriter):
    def __init__(self, log: Callable[..., None]) -> None:
        self.log = log

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        values = {name: key_values[key] for name, key in LOGGED.items() if key in key_values}
        if "policy_entropy" in values:
            values["policy_entropy"] = -values["policy_entropy"]
        # not a number where all returns are the same; there is nothing to explain then
        if math.isnan(values.get("explained_variance", 0.0)):
            del values["explained_variance"]
        if values:
            self.log(**{name: float(value) for name, value in values.items()})

    def close(self) -> None:
        """Nothing to close."""


def forwarding_logger(log: Callable[..., None]) -> Logger:
    """A logger that calls `log` with the quantities in `LOGGED` that an update has recorded.

    `policy_entropy` is the mean over decisions of the policy's own entropy.
    """
    return Logger(folder=None, output_formats=[_Forward(log)])
