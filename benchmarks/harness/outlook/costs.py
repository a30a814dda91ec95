"""What trainings and tests have taken, by learner: of a folder's trials, or of this project's.

`python -m benchmarks.harness.outlook.costs results/*` prints what `costs.json` holds: of what is
published, and of `reml run quick`.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness.disk.shapes import read_records
from benchmarks.harness.outlook.sizes import Sizes

BUNDLED = "runs of this project"


@dataclass(frozen=True)
class Cost:
    """Medians of the trials of one learner with the same settings on one family.

    Attributes:
        learner: its name, and `fields` its settings.
        task: seconds of one processor for each training task.
        test: the same for each test task and number of shots.
        look: the same for all that is asked on validation tasks in a trial.
        memory: the most that a trial held, in MB.
        source: whose trials these were.
    """

    learner: str
    family: str
    fields: Mapping[str, Any] = field(hash=False)
    task: float
    test: float
    look: float
    memory: float
    source: str = BUNDLED


def costs_of(
    records: Iterable[Mapping[str, Any]], source: str = BUNDLED, sizes: Sizes | None = None
) -> list[Cost]:
    """Of trials that are done, as far as their records, and the `sizes` of their data, tell."""
    found: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    for record in records:
        spec, spent = record.get("spec") or {}, record.get("spending") or {}
        if record.get("status") != "done" or not spec or not spent:
            continue
        learner, rules = spec["learner"], spec["protocol"]
        key = json.dumps([learner["name"], spec["family"]["name"], learner["fields"]])
        tests = _tasks(record, rules, sizes or {}) * int(rules.get("draws") or 1)
        worked = _number(spent, "cpu_seconds") or _number(spent, "seconds")
        found[key].append(
            (
                worked / tasks if (tasks := _number(spent, "tasks")) else 0.0,
                _number(spent, "evaluate_seconds") / max(1, tests),
                _number(spent, "validation_seconds"),
                _number(spent, "peak_memory_mb"),
            )
        )
    costs = []
    for key, rows in found.items():
        name, family, fields = json.loads(key)
        task, test, look, _ = (median(column) for column in zip(*rows, strict=True))
        memory = max(row[3] for row in rows)
        costs.append(Cost(name, family, fields, task, test, look, memory, source))
    return costs


@cache
def bundled_costs() -> tuple[Cost, ...]:
    """Those of this project's own results, on the machine they ran on."""
    text = files("benchmarks.harness.outlook").joinpath("costs.json").read_text(encoding="utf-8")
    return tuple(Cost(**it) for it in json.loads(text))


def nearest_cost(
    costs: Sequence[Cost], learner: str, family: str, fields: Mapping[str, Any]
) -> Cost | None:
    """That of the learner whose settings are most alike; None where nobody has run it."""
    mine = [it for it in costs if it.learner == learner]
    mine = [it for it in mine if it.family == family] or mine
    if len(mine) < 2:
        return mine[0] if mine else None
    keys = {key for it in mine for key in it.fields}
    return max(mine, key=lambda it: sum(it.fields.get(k, ...) == fields.get(k, ...) for k in keys))


def told(costs: Iterable[Cost]) -> str:
    """As `costs.json` holds them: of settings those that differ within a learner."""
    costs = list(costs)
    by_name: dict[str, list[Cost]] = defaultdict(list)
    for it in costs:
        by_name[it.learner].append(it)
    rows = []
    for name in sorted(by_name):
        keys = {key for it in by_name[name] for key in it.fields}
        apart = {
            key for key in keys if len({json.dumps(it.fields.get(key)) for it in by_name[name]}) > 1
        }
        for it in sorted(by_name[name], key=lambda it: (it.family, json.dumps(dict(it.fields)))):
            row = asdict(it) | {"fields": {k: v for k, v in it.fields.items() if k in apart}}
            del row["source"]
            rows.append({k: _short(v) for k, v in row.items()})
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


def _tasks(record: Mapping[str, Any], rules: Mapping[str, Any], sizes: Sizes) -> int:
    """How many test tasks a trial met, those of each number of shots added up."""
    asked = int(rules.get("tasks") or 1)
    place = record.get("family", ""), record.get("protocol", "")
    shots = rules.get("shots") or [0]
    return sum(min(asked, sizes.get((*place, int(it)), asked)) for it in shots)


def _number(spent: Mapping[str, Any], name: str) -> float:
    value = spent.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _short(value: Any) -> Any:
    return float(f"{value:.3g}") if isinstance(value, float) else value


if __name__ == "__main__":
    every = [read_records(Path(it) / "trials.json")[0] for it in sys.argv[1:]]
    print(told(costs_of(record for one in every for record in one.values())), end="")
