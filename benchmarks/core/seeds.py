"""Seeds by name, so that no random stream depends on the order in which trials run."""

import hashlib

import torch


def seed_of(*names: object) -> int:
    """A 63-bit seed from the names, the same on every machine and in every process."""
    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator_of(*names: object) -> torch.Generator:
    """A CPU generator seeded by name; draws are moved, so that every device sees the same."""
    return torch.Generator().manual_seed(seed_of(*names))
