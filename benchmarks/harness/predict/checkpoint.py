"""A trained learner as its trial has kept it, and what its family's columns are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.core import MetaLearner, Problem
from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.files import demand_folder, read_json
from benchmarks.harness.disk.shapes import check_record
from benchmarks.harness.plan.fields import build
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.kept import LEARNER, check_learner
from benchmarks.tasks.forms import USUAL, Form, form_of


@dataclass(frozen=True)
class Checkpoint:
    """A trained learner and what its family's columns are."""

    learner: MetaLearner
    problem: Problem
    steps: int
    """The most adaptation steps its trial scored."""
    form: Form = USUAL
    """How the file is written that it was trained on. Others may have another delimiter."""
    sheet: str = ""
    """Which sheet that was, of an Excel file."""
    task: tuple[str, ...] = ()
    """The columns whose values name a task; empty where tasks have no names in the data."""
    drop_missing: bool = False
    """Whether rows with an empty cell were left out of what it was trained on."""
    chosen: Mapping[int, int] = field(default_factory=dict)
    """By shots, the number of steps that validation tasks chose."""
    called: str = ""
    """Which of several trainings it is, in words."""

    def steps_for(self, shots: int) -> int:
        """Those that validation chose at the shots that are nearest; else the most there were."""
        if not self.chosen:
            return self.steps
        return self.chosen[min(self.chosen, key=lambda known: (abs(known - shots), known))]


def load_checkpoint(path: Path, registry: Registry) -> Checkpoint:
    """Load a trial's folder, or the `learner.pt` in it; nothing is unpickled.

    Raises:
        StoreError: there is no such folder, it holds no finished trial, or its files cannot be
            read.
        MatrixError: the learner no longer has the fields it was trained with.
        UnknownName: the learner is not installed and no plugin brings it.
    """
    folder = path.parent if path.name == "learner.pt" else path
    demand_folder(folder)
    for needed in LEARNER:
        if not (folder / needed).is_file():
            raise StoreError(f"{folder}: is not the folder of a finished trial (no {needed})")
    check_learner(folder, LEARNER)
    record = check_record(folder / "trial.json", read_json(folder / "trial.json"))
    try:
        state = torch.load(folder / "learner.pt", map_location="cpu", weights_only=True)
    except Exception as error:  # torch advises to load it with weights_only=False
        what = "holds other things than tensors, numbers and text, or is damaged"
        raise StoreError(f"{folder / 'learner.pt'}: {what}") from error
    try:
        spec, problem = record["spec"], record["problem"]
        known = Problem(**{name: _tuples(value) for name, value in problem.items()})
        steps, fields = max(spec["protocol"]["steps"]), spec["family"]["fields"]
        chosen = {int(k): int(n) for k, n in (record.get("chosen_steps") or {}).items()}
        form, sheet = form_of(fields), str(fields.get("sheet") or "")
        task = fields.get("task") or ()
        names = tuple(task) if isinstance(task, list) else ()
        drop = bool(fields.get("drop_missing"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{folder}: cannot be read as a trial ({error})") from error
    name = spec["learner"]["name"]
    found = registry.find("learner", name, str(folder))
    before = getattr(found.cls, "later", {})
    learner: MetaLearner = build(found.cls, before, spec["learner"]["fields"], f"{folder}: {name}")
    learner.load_state(state)
    fold = record.get("fold")
    called = f"seed {record['seed']}" + (f", fold {fold + 1}" if isinstance(fold, int) else "")
    return Checkpoint(learner, known, steps, form, sheet, names, drop, chosen, called)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
