"""What a results folder says of its run at one moment: done, running, failed, and the time left."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.core.declaration import USUAL
from benchmarks.core.errors import StoreError
from benchmarks.core.text import clock
from benchmarks.harness.disk.columns import SEARCH
from benchmarks.harness.disk.files import demand_folder
from benchmarks.harness.disk.pulse import Curve
from benchmarks.harness.disk.shapes import read_matrix
from benchmarks.harness.outlook.left import Going, seconds_left, took_by
from benchmarks.harness.outlook.running import running_in
from benchmarks.harness.store.ledger import LIST, MATRIX, RECORDS
from benchmarks.harness.store.records import Overview, named, overview, patiently, sound_record
from benchmarks.harness.store.shown import clean_briefly, plain_text
from benchmarks.watching.discreet import discreet

ROW = ("trial", "family", "protocol", "learner", "seed", "fold")
"""What the matrix says of a trial, which may be newer than its record."""


@dataclass(frozen=True)
class Now:
    """A trial that runs, in words; `trouble` says why nothing more may come of it."""

    trial: str
    title: str
    fraction: float
    seconds: float
    text: str
    host: str
    trouble: str
    metric: str
    curve: Curve
    since: float = 0.0


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment.

    Attributes:
        trials: how many the matrix has.
        counts: how many of them are done, cannot be, have failed, and are missing.
        running: those that run, or have left a trace of running.
        failed: what those that failed are called, and why.
        seconds_left: an estimate; None while there is nothing to go by, or nothing runs.
        version: changes when trials have ended, and so what is known of scores.
        damage: what could not be read, a sentence each.
    """

    name: str
    title: str
    trials: int
    counts: Mapping[str, int]
    running: Sequence[Now]
    failed: Sequence[tuple[str, str]]
    seconds_left: float | None
    version: int
    damage: Sequence[str] = ()

    @property
    def alive(self) -> int:
        return sum(not it.trouble for it in self.running)

    @property
    def over(self) -> bool:
        """Whether all trials have ended, and none is being repeated."""
        return not self.counts["missing"] and not self.alive

    @property
    def fraction(self) -> float:
        again = self.trials - self.counts["missing"]
        going = sum(it.fraction for it in self.running if not it.trouble)
        return min(1.0, (again + going) / max(1, self.trials))

    @property
    def state(self) -> str:
        """`12 of 60 trials done, 2 running, 1 failed; about 4 min 05 s left`."""
        numbers = self.counts
        parts = [f"{numbers['done']:,} of {self.trials:,} trials done"]
        parts.append(f"{self.alive:,} running")
        parts.append(f"{numbers['failed']:,} failed")
        if numbers["cannot"]:
            parts.append(f"{numbers['cannot']:,} cannot be")
        said = ", ".join(parts)
        if self.over:
            return f"{said}; nothing is left to do"
        if not self.alive:
            return f"{said}; {numbers['missing']:,} missing, and nothing runs at the moment"
        if self.seconds_left is None:
            return f"{said}; nobody knows yet how long it will take"
        return f"{said}; about {clock(self.seconds_left)} left"


@dataclass
class Watcher:
    """Looks at a folder again and again, and reads only what has changed; it writes nothing."""

    directory: Path
    _known: dict[str, tuple[object, dict[str, Any]]] = field(default_factory=dict)
    _heard: dict[str, tuple[float, float]] = field(default_factory=dict)
    _matrix: tuple[object, dict[str, Any]] | None = None
    _blank: dict[str, dict[str, Any]] = field(default_factory=dict)
    _published: tuple[object, Overview] | None = None
    _version: int = 0

    def look(self) -> Snapshot:
        """What there is now.

        Raises:
            StoreError: there is no such folder, it holds no results, or they are damaged.
        """
        demand_folder(self.directory)
        matrix = self._described()
        damage: list[str] = []
        if (self.directory / "trials").is_dir():
            records = self._records(damage)
        else:
            found = self._of_published()
            records = clean_briefly(found.records)
            damage += map(discreet, found.damage)
        return self._snapshot(matrix, records, damage)

    def _described(self) -> dict[str, Any]:
        """What `matrix.json` says; a search for settings writes it anew as it goes on."""
        identity = _identity(self.directory / MATRIX)
        if identity is None or self._matrix is None or self._matrix[0] != identity:
            self._matrix = identity, read_matrix(self.directory)
            rows = clean_briefly(named(self._matrix[1], {}))
            self._blank = {row["trial"]: row for row in rows}
        return self._matrix[1]

    def _records(self, damage: list[str]) -> list[dict[str, Any]]:
        """One for each trial; only those that have ended since are read."""
        found = []
        for trial, blank in self._blank.items():
            place = self.directory / "trials" / trial
            if (identity := _identity(place)) is None:
                if self._known.pop(trial, None):
                    self._version += 1
                found.append(blank)
                continue
            before = self._known.get(trial)
            if before is None or before[0] != identity:
                try:
                    record, _ = patiently(place, sound_record)
                except StoreError as error:
                    damage.append(f"{discreet(str(error))}; the trial counts as missing")
                    found.append(blank)
                    continue
                own = {it: blank[it] for it in ROW if it in blank}
                (brief,) = clean_briefly([{**record, **own}])
                self._known[trial] = before = identity, brief
                self._version += 1
            found.append(before[1])
        return found

    def _of_published(self) -> Overview:
        """What a folder without `trials/` holds, or one where no trial has begun."""
        identity = [_identity(self.directory / it) for it in (MATRIX, RECORDS, LIST)]
        if self._published is None or self._published[0] != identity:
            found = overview(self.directory)
            if found is None:  # without checksums, of a former version: only their tables tell
                from benchmarks.harness.store.results import load_results

                results = load_results(self.directory)
                found = Overview(results.name, results.order, results.records, results.damage)
            self._published = identity, found
            self._version += 1
        return self._published[1]

    def _snapshot(
        self, matrix: Mapping[str, Any], records: Sequence[Mapping[str, Any]], damage: list[str]
    ) -> Snapshot:
        titles = {it["trial"]: _title(it) for it in records}
        status = {it["trial"]: it["status"] for it in records}
        labels = {it["trial"]: str(it["learner"]) for it in records}
        now = time.time()
        tries = running_in(self.directory / SEARCH)
        titles |= {it.trial: f"settings of {it.trial}" for it in tries if it.trial not in titles}
        running = [
            Now(
                it.trial,
                titles[it.trial],
                it.fraction,
                max(0.0, now - it.started),
                discreet(it.text),
                it.host,
                it.trouble(now - self._skew(it.trial, it.heard, now)),
                *_main_curve(it.curves or {}),
                since=it.since,
            )
            for it in (*tries, *running_in(self.directory))
            if it.trial in titles
        ]
        alive = {it.trial: it for it in running if not it.trouble and it.trial in labels}
        waiting = [labels[it] for it, is_ in status.items() if is_ == "missing" and it not in alive]
        going = [
            # of one that is still importing nothing can be expected
            Going(labels[it.trial], it.seconds if it.host else 0.0, it.fraction, it.since)
            for it in alive.values()
        ]
        # while settings are searched nobody knows how many trainings that will take yet
        known = bool(going) and not tries
        left = seconds_left(took_by(records), waiting, going, len(going)) if known else None
        return Snapshot(
            name=plain_text(matrix["name"]),
            title=plain_text(str(matrix.get("title") or "")),
            trials=len(records),
            counts={
                it: sum(found == it for found in status.values())
                for it in ("done", "cannot", "failed", "missing")
            },
            running=running,
            failed=[
                (titles[it["trial"]], discreet(str(it["reason"] or "no reason was given")))
                for it in records
                if it["status"] == "failed"
            ],
            seconds_left=left,
            version=self._version,
            damage=damage,
        )

    def _skew(self, trial: str, heard: float, now: float) -> float:
        """How far the disk's clock is behind this machine's, as far as a change just seen tells."""
        before = self._heard.get(trial)
        if before is None:
            self._heard[trial] = heard, 0.0
            return 0.0
        if before[0] != heard:
            before = self._heard[trial] = heard, now - heard
        return before[1]


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _title(record: Mapping[str, Any]) -> str:
    how = "" if record["protocol"] == USUAL else f", {record['protocol']}"
    fold = f", fold {record['fold']}" if record.get("fold") is not None else ""
    return f"{record['learner']} on {record['family']}{how}{fold}, seed {record['seed']}"


def _main_curve(curves: Mapping[str, Curve]) -> tuple[str, Curve]:
    """What is most like a loss of what was logged, and is more than a point; else nothing."""
    there = {name: curve for name, curve in curves.items() if len(curve) > 1}
    for wanted in ("loss", "mse", "entropy", "error", "accuracy"):
        for name, curve in there.items():
            if wanted in name:
                return name, curve
    return next(iter(there.items()), ("", ()))
