"""Adapt to a few points, score on others."""

from typing import ClassVar, final

from benchmarks.core.protocol import Protocol


@final
class FewShot(Protocol):
    """Adapt on k support points, score on query points drawn apart, after each number of steps."""

    name: ClassVar[str] = "few_shot"
