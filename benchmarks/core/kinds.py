"""The few words that say which tasks are meant; they need no torch, which takes long to import."""

from typing import Literal

Split = Literal["train", "validation", "test"]
Kind = Literal["regression", "classification"]
Place = Literal["own", "other"]
"""The family that is trained on first, or the protocol's other one."""
