"""A part of a matrix's trials, for several runs that know nothing of each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.plan.identity import TrialSpec


@dataclass(frozen=True)
class Shard:
    """The `number`-th of so many parts, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def part(self, trials: Sequence[TrialSpec]) -> list[TrialSpec]:
        """The trials that are its own: trainings go round the parts, each with all its trials.

        It depends on the whole matrix alone, so `trials` has to be all of it.
        """
        places: dict[str, int] = {}
        for spec in trials:
            places.setdefault(spec.training, len(places))
        return [it for it in trials if places[it.training] % self.of == self.number - 1]
