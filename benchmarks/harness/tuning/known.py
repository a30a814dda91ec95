"""A matrix whose settings are searched first: which of its trials are known by then."""

import json
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.core.errors import StoreError
from benchmarks.core.text import count
from benchmarks.harness.disk.columns import TUNING_TYPES
from benchmarks.harness.disk.tables import empty
from benchmarks.harness.plan.budgets import UNLIMITED, Limits
from benchmarks.harness.plan.expand import Pairing, describe, trials_of
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.reading import tuning_in
from benchmarks.harness.tuning.outcomes import best
from benchmarks.harness.tuning.studies import plan_of, settling
from benchmarks.harness.tuning.tuner import Run, Tuner

Say = Callable[[str], object]
Moved = Callable[[Matrix, list[TrialSpec]], tuple[Matrix, list[TrialSpec]]]


class Known:
    """The trials of a matrix as far as they are known; without `[tuning]`, all of them are.

    Attributes:
        tuner: searches the settings; None where nothing is to be searched.
    """

    def __init__(
        self,
        matrix: Matrix,
        pairings: Sequence[Pairing],
        registry: Registry,
        directory: Path,
        moved: Moved = lambda matrix, trials: (matrix, trials),
        limits: Limits = UNLIMITED,
    ) -> None:
        """`moved` says where the folder keeps data; `limits` win over those of the matrix."""
        self._matrix = matrix
        self._moving = moved
        self._limits = limits
        self._pairings = pairings
        self._registry = registry
        self._folder = ResultsFolder(directory)
        self.tuner: Tuner | None = None
        if matrix.tuning is not None:
            self._plan = plan_of(matrix, pairings, registry)
            try:
                known = tuning_in(directory)
            except StoreError as error:
                print(f"reml: {error}; it is made anew", file=sys.stderr)
                known = empty(TUNING_TYPES)
            self.tuner = Tuner(self._plan, directory, registry, known)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be searched."""
        return self.tuner is None or not any(map(self.tuner.left, self.tuner.studies))

    @property
    def trials(self) -> list[TrialSpec]:
        if self.tuner is None:
            return self._moved(trials_of(self._matrix, self._pairings))
        settle = settling(self._plan, self.tuner.chosen, self._registry)
        return self._moved(trials_of(self._matrix, self._pairings, settle))

    def _moved(self, trials: list[TrialSpec]) -> list[TrialSpec]:
        """Their data lie where the folder keeps them, and their limits are those of this run."""
        trials = [replace(it, limits=self._limits.over(it.limits)) for it in trials]
        return self._moving(self._matrix, trials)[1]

    def described(self, notes: Sequence[str]) -> dict[str, Any]:
        """What `matrix.json` is to say by now."""
        matrix, _ = self._moving(self._matrix, [])
        told = describe(matrix, self.trials, notes)
        return told if self.tuner is None else {**told, "tuning": self.tuner.described()}

    def search(self, labels: Collection[str], run: Run, notes: Sequence[str], say: Say) -> bool:
        """Search the settings of these learners, in a folder that is held; whether all have some.

        Raises:
            MissingDependency: Optuna is not installed.
            UserError: something cannot be stored.
        """
        if self.tuner is None:
            return True
        studies = [it for it in self.tuner.studies if it.label in labels]
        left = sum(map(self.tuner.left, studies))
        assert self._matrix.tuning is not None
        tried = count(self._matrix.tuning.trials, "trial")
        say(f"tuning: {count(len(studies), 'learner')}, {tried} each, {left} to run")
        for it in self._plan.studies:
            if not it.space and it.label in labels:
                say(f"tuning: {it.label} on {it.family}: is not tuned: {it.why}")
        self.tuner.search(
            studies,
            lambda trials, folder: run(self._moved(trials), folder),
            lambda: self._folder.describe(self.described(notes)),
            say,
        )
        found = True
        for it in studies:
            outcomes = self.tuner.outcomes[it.id]
            chosen = best(outcomes)
            if chosen is None:
                found = False
                why = next((f" ({it.reason})" for it in outcomes if it.reason), "")
                say(f"tuning: {it.label} on {it.family}: no settings came to an end{why}")
            else:
                by = "its defaults" if not chosen.number else settings_text(chosen.settings)
                loss = f"{chosen.loss:.3g} of a constant guess's loss on validation tasks"
                say(f"tuning: {it.label} on {it.family}: {by}: {loss}")
        return found


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings in one line, numbers of three digits."""
    return ", ".join(f"{key} = {_short(it)}" for key, it in settings.items())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else json.dumps(value)
