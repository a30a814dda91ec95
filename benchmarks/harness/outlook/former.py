"""What a results folder holds already of a matrix, as far as names and keys tell."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.files import read_json
from benchmarks.harness.disk.shapes import read_matrix, read_records
from benchmarks.harness.outlook.lots import Lot
from benchmarks.harness.plan.matrix import Entry, Matrix

LEARNER = "learner.pt"


@dataclass(frozen=True)
class Former:
    """Trials of former runs.

    Attributes:
        records: of all trials that have ended there, of the matrix or not.
        statuses: what became of the trials that the matrix still has.
        trained: those of them whose learner was kept, for others to take over.
        tried: how many settings of its learners were tried, where those are searched.
    """

    records: Sequence[Mapping[str, Any]] = ()
    statuses: Mapping[tuple[object, ...], str] = field(default_factory=dict)
    trained: frozenset[tuple[object, ...]] = frozenset()
    tried: int = 0


def former_of(directory: Path, matrix: Matrix) -> Former:
    """What is there; nothing in a new folder.

    Raises:
        StoreError: it holds another matrix's results, or is damaged.
    """
    if not (directory / "matrix.json").exists():
        return Former()
    known = read_matrix(directory)
    if known["name"] != matrix.name:
        raise StoreError(
            f"{directory}: holds the results of matrix {known['name']!r}, not of "
            f"{matrix.name!r}; name another folder with --out"
        )
    records = _records(directory, known)
    same = _Same(known, matrix)
    statuses, trained = {}, set()
    for row in known["trials"]:
        key = tuple(row.get(it) for it in ("family", "protocol", "learner", "seed", "fold"))
        record = records.get(row["trial"])
        if record is not None and same.of(row):
            statuses[key] = str(record["status"])
            if (directory / "trials" / row["trial"] / LEARNER).exists():
                trained.add(key)
    studies = (known.get("tuning") or {}).get("studies", ())
    tried = sum(int(it.get("tried") or 0) for it in studies if isinstance(it, Mapping))
    return Former([*records.values()], statuses, frozenset(trained), tried)


def status_of(former: Former, lot: Lot, seed: int) -> str:
    return former.statuses.get(lot.key(seed), "missing")


def _records(directory: Path, matrix: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Checksums are left to those who use what was stored."""
    if not (directory / "trials").is_dir():
        path = directory / "trials.json"
        return dict(read_records(path)[0]) if path.is_file() else {}
    found: dict[str, Mapping[str, Any]] = {}
    for row in matrix["trials"]:
        with suppress(StoreError):
            record = read_json(directory / "trials" / row["trial"] / "trial.json")
            if isinstance(record, dict) and record.get("status") in ("done", "cannot", "failed"):
                found[row["trial"]] = record
    return found


class _Same:
    """Whether the entries that a stored trial is of are still those of the matrix."""

    def __init__(self, known: Mapping[str, Any], matrix: Matrix) -> None:
        budget = asdict(matrix.budget) | ({} if matrix.keep == "last" else {"keep": matrix.keep})
        self._whole = known.get("budget") == budget
        self._families = _alike(known.get("families"), map(_entry, matrix.families))
        self._learners = _alike(known.get("learners"), map(_entry, matrix.learners))
        self._protocols = _alike(
            known.get("protocols"), (it.described() for it in matrix.protocols)
        )

    def of(self, row: Mapping[str, Any]) -> bool:
        family, protocol = row["family"], row["protocol"]
        return (
            self._whole
            and family in self._families
            and row["learner"] in self._learners
            and protocol in self._protocols
        )


def _alike(known: Any, wanted: Any) -> set[str]:
    """The labels of tables that are the same in both."""
    stored = {_text(it) for it in known or ()}
    return {it["label"] for it in wanted if _text(it) in stored}


def _text(table: Mapping[str, Any]) -> str:
    kept = {key: it for key, it in table.items() if key != "declares"}
    return json.dumps(kept, sort_keys=True, default=str)


def _entry(entry: Entry) -> dict[str, Any]:
    budget = None if entry.budget is None else asdict(entry.budget)
    fields = json.loads(json.dumps(dict(entry.fields), default=str))
    return {"name": entry.name, "label": entry.label, "fields": fields, "budget": budget}
