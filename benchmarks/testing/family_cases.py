"""What the laws of a task family are tried on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from benchmarks.core import Split, TaskBatch, TaskFamily, generator_of

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
MANY = 2**20  # more shots than any finite task has points


@dataclass
class Case:
    """One way to make a family, with what several laws need of it."""

    make: Callable[[], TaskFamily]

    @cached_property
    def family(self) -> TaskFamily:
        return self.make()

    @property
    def of_classes(self) -> bool:
        return self.family.problem.kind == "classification"

    def shots(self, split: Split) -> list[int]:
        return [k for k in (1, 2, 7) if self.family.size(split, k) != 0]

    @cached_property
    def batches(self) -> list[tuple[str, int, int, TaskBatch]]:
        """Batches of every split at several k and sizes: what it is, tasks, shots, batch."""
        return [
            (f"{n} {split} tasks at {k} shots", n, k, self.batch(self.family, split, k, n))
            for split in SPLITS
            for k in self.shots(split)
            for n in (1, 9)
        ]

    @staticmethod
    def batch(family: TaskFamily, split: Split, shots: int, tasks: int) -> TaskBatch:
        return family.sample(tasks, split, generator_of("kit", split), shots=shots, queries=6)
