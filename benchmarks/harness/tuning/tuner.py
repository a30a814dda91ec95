"""The search of all studies of a matrix, batch by batch, and what is kept of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.core.errors import UserError
from benchmarks.core.text import count
from benchmarks.harness.disk.columns import SEARCH, TUNING
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ENDED, ResultsFolder
from benchmarks.harness.store.ledger import Ledger
from benchmarks.harness.tuning.outcomes import (
    BATCH,
    FAILED,
    Outcome,
    bars,
    best,
    frame_of,
    outcome_of,
    outcomes_in,
)
from benchmarks.harness.tuning.search import Journal, Search
from benchmarks.harness.tuning.studies import Plan, Settings, Study

LIMITS = ("timed out", "out of memory")
"""How reasons begin of trials that were ended for what they took: they would take it again."""
Run = Callable[[list[TrialSpec], ResultsFolder], None]
Records = Mapping[str, Mapping[str, Any]]


class Tuner:
    """Searches the settings of all learners of a matrix, and goes on where it was interrupted.

    In each batch, of every study the next settings are proposed and tried side by side; then all
    that came of them is kept. What is proposed does not depend on how many are tried at once.
    """

    def __init__(
        self, plan: Plan, directory: Path, registry: Registry, known: pd.DataFrame
    ) -> None:
        """`known` is what the folder's table says of former searches."""
        self._plan = plan
        self._directory = directory
        self._registry = registry
        self._folder = ResultsFolder(directory / SEARCH)
        self._known = known
        self.outcomes = {
            it.id: outcomes_in(known, it.id)[: self._trials(it)] for it in plan.studies if it.space
        }

    @staticmethod
    def _trials(study: Study) -> int:
        assert study.matrix.tuning is not None
        return study.matrix.tuning.trials

    @property
    def studies(self) -> list[Study]:
        """Those in which there is something to search."""
        return [it for it in self._plan.studies if it.space]

    def left(self, study: Study) -> int:
        """So many settings have not been tried yet."""
        return self._trials(study) - len(self.outcomes[study.id])

    @property
    def chosen(self) -> dict[str, tuple[Settings, int]]:
        """Of each study that is over its best settings, and of how many; 0 where none is good."""
        found = {}
        for study in self.studies:
            outcomes = self.outcomes[study.id]
            if not self.left(study):
                it = best(outcomes)
                found[study.id] = ({}, 0) if it is None else (it.settings, len(outcomes))
        return found

    def search(
        self, studies: Sequence[Study], run: Run, keep: Callable[[], object], say: Any
    ) -> None:
        """Try what is left of these studies; `run` runs trials, `keep` is called after each batch.

        Raises:
            MissingDependency: Optuna is not installed.
            UserError: something cannot be stored.
        """
        waiting = [it for it in studies if self.left(it)]
        if not waiting:
            return
        journal = Journal(self._directory / SEARCH)
        searches = {it.id: journal.search(it) for it in waiting}
        before = {it.id: len(self.outcomes[it.id]) for it in waiting}
        for study in waiting:
            self._agree(study, searches[study.id])
        if any(len(self.outcomes[it]) > known for it, known in before.items()):
            self._write(searches)
            keep()
        self._folder.clear()
        while waiting := [it for it in waiting if self.left(it)]:
            first = min(len(self.outcomes[it.id]) for it in waiting)
            batch = [it for it in waiting if len(self.outcomes[it.id]) // BATCH == first // BATCH]
            most = self._trials(batch[0])
            last = min((first // BATCH + 1) * BATCH, most)
            learners = count(len(batch), "learner")
            say(f"tuning: settings {first + 1} to {last} of {most}, for {learners}")
            self._try(batch, searches, run)
            self._write(searches)
            keep()

    def _agree(self, study: Study, search: Search) -> None:
        """What the journal knows is known, and what it has lost is written there again."""
        there, here = search.outcomes(), self.outcomes[study.id]
        for it in here[len(there) :]:
            search.keep(it)
        self.outcomes[study.id] = [*here, *there[len(here) :]][: self._trials(study)]

    def _try(self, studies: Sequence[Study], searches: Mapping[str, Search], run: Run) -> None:
        proposed = {}
        for study in studies:
            outcomes = self.outcomes[study.id]
            start = len(outcomes) - len(outcomes) % BATCH
            end = min(start + BATCH, self._trials(study))
            before = outcomes[:start]
            settings = searches[study.id].proposed(before, range(start, end))
            numbered = [*enumerate(settings, start)][len(outcomes) - start :]
            proposed[study.id] = [
                (number, it, self._specs(study, number, it, bars(before)))
                for number, it in numbered
            ]
        everything = {
            spec.id: spec
            for it in proposed.values()
            for *_, specs in it
            if not isinstance(specs, str)
            for spec in specs
        }
        records = self._tried([*everything.values()], run)
        for study in studies:
            for number, tried, specs in proposed[study.id]:
                if isinstance(specs, str):
                    found = Outcome(number, tried, FAILED, reason=specs)
                else:
                    found = outcome_of(number, tried, [records[it.id] for it in specs])
                if any(it.settings == tried for it in self.outcomes[study.id]):
                    found = found.again
                searches[study.id].keep(found)
                self.outcomes[study.id].append(found)

    def _specs(
        self, study: Study, number: int, settings: Settings, barred: tuple[float, ...]
    ) -> list[TrialSpec] | str:
        """What is to be run; or why the class does not take these settings together."""
        try:
            return study.trials(number, settings, barred, self._registry)
        except UserError as error:
            return str(error)

    def _tried(self, specs: list[TrialSpec], run: Run) -> dict[str, Mapping[str, Any]]:
        """Their records. What is there already is not run; where a worker died, once more."""
        records: dict[str, Mapping[str, Any]] = {}
        for _ in range(2):
            for spec in specs:
                if _has_ended(record := self._folder.record(spec.id)):
                    records[spec.id] = record or {}
            if left := [it for it in specs if it.id not in records]:
                run(left, self._folder)
        for spec in specs:
            found = self._folder.record(spec.id)
            records[spec.id] = found or {"status": "failed", "reason": "it left no record"}
        return records

    def _write(self, searches: Mapping[str, Search]) -> None:
        found = []
        for it in self.studies:
            over = not self.left(it)
            importance = searches[it.id].importance() if over and it.id in searches else None
            found.append((it, self.outcomes[it.id], importance))
        table = frame_of(found)
        self._known = _with_importance(table, self._known)
        Ledger(self._directory).write_parquet(TUNING, self._known)

    def described(self) -> dict[str, Any]:
        """What the folder's `matrix.json` says of the search."""
        tuning = self._plan.studies[0].matrix.tuning
        assert tuning is not None
        spends = {key: it for key, it in asdict(tuning.budget).items() if it is not None}
        studies: list[dict[str, Any]] = []
        for it in self._plan.studies:
            who: dict[str, Any] = {"learner": it.label, "family": it.family}
            who |= {"protocol": it.protocol, "fold": it.meeting.fold}
            if not it.space:
                studies.append({**who, "why": it.why})
                continue
            outcomes = self.outcomes[it.id]
            found = best(outcomes)
            studies.append(
                {
                    **who,
                    "study": it.id,
                    "tried": len(outcomes),
                    "defaults": dict(it.defaults),
                    "best": None if found is None else found.number,
                    "settings": None if found is None else dict(found.settings),
                    "loss": None if found is None else found.loss,
                }
            )
        about = {"trials": tuning.trials, "budget": spends, "seeds": list(tuning.seeds)}
        return {**about, "studies": studies}


def _has_ended(record: Mapping[str, Any] | None) -> bool:
    """A learner's own failure would come again; that of its process may not."""
    if record is None:
        return False
    limited = str(record.get("reason")).startswith(LIMITS)
    return record["status"] in ENDED or bool(record.get("traceback")) or limited


def _with_importance(table: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """What was worked out before is kept where nothing has changed since."""
    before = {
        (row["study"], row["number"], row["settings"]): row["importance"]
        for row in known[known["chosen"]].to_dict("records")
    }
    kept = [
        before.get((row["study"], row["number"], row["settings"]), row["importance"])
        if row["importance"] == "{}" and row["chosen"]
        else row["importance"]
        for row in table.to_dict("records")
    ]
    return table.assign(importance=kept).astype({"importance": "str"})
