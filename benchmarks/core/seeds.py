"""Seeds by name, so that no random stream depends on the order in which trials run."""

import hashlib
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def seed_of(*names: object) -> int:
    """A 63-bit seed from the names, the same on every machine and in every process."""
    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator_of(*names: object) -> torch.Generator:
    """A CPU generator seeded by name; draws are moved, so that every device sees the same."""
    return torch.Generator().manual_seed(seed_of(*names))


def random_state() -> dict[str, Any]:
    """What this process draws by default, of torch, NumPy and Python; loads with `weights_only`."""
    name, keys, *place = np.random.get_state()
    version, words, gauss = random.getstate()

    def packed(numbers: Any) -> torch.Tensor:  # 624 of them, each slow to write
        return torch.from_numpy(np.array(numbers, dtype=np.int64))

    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": [name, packed(keys), *place],
        "python": [version, packed(words), gauss],
    }


def set_random_state(state: Mapping[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    name, keys, *place = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *place))
    version, words, gauss = state["python"]
    words = words.tolist() if isinstance(words, torch.Tensor) else words  # as it once was
    random.setstate((version, tuple(words), gauss))
