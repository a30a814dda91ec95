"""Which of the states that a training went through is tested: the best on validation tasks."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.core import MetaLearner, TaskFamily
from benchmarks.core.text import described
from benchmarks.harness.disk.columns import HISTORY_TYPES, TYPICAL, VALIDATION
from benchmarks.harness.disk.tables import empty
from benchmarks.harness.evaluation.validating import Loss, Validation, looks
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.trial.moments import Moment
from benchmarks.harness.trial.packing import pack
from benchmarks.harness.trial.references import once
from benchmarks.harness.trial.trainings import Training


class Chosen(NamedTuple):
    """The moment whose state is tested, and how all did.

    Attributes:
        moment: None where nothing was to be chosen among.
        curve: rows of a training curve: what each state loses where a constant guess loses 1. The
            moments at which a learner could not be asked are left out.
        notes: for the trial's record.
        seconds: what looking took; 0 where another trial had looked.
    """

    moment: Moment | None
    curve: pd.DataFrame
    notes: dict[str, Any]
    seconds: float


def choose(
    spec: TrialSpec,
    training: Training,
    family: TaskFamily,
    make: Callable[[Moment], MetaLearner],
    *,
    device: str,
    place: Path | None,
    say: Callable[[str], None] = lambda text: None,
) -> Chosen:
    """Look at the states of a training on validation tasks; of equally good ones, take the latest.

    Where there is no validation task (but those that are scored), the last state is tested. `make`
    gives a learner of the state; in `place` trials of the same training share what they have seen.
    """
    nothing = empty(HISTORY_TYPES)
    spent = training.spent
    if not spent["tasks"]:
        return Chosen(None, nothing, {}, 0.0)
    asked = looks(family, spec.protocol)
    if asked is None:
        return Chosen(None, nothing, {"kept": {"state": "last", "why": "no validation tasks"}}, 0.0)
    end = Moment(int(spent["tasks"]), float(spent["seconds"]), b"")
    moments = training.moments or (end._replace(packed=pack(training.state)),)
    identity = json.dumps(spec.identity["family"], sort_keys=True)
    taken = [0.0]

    def look() -> pd.DataFrame:
        started = time.perf_counter()
        tasks = Validation.of(family, identity, asked)
        rows = []
        for number, moment in enumerate(moments, 1):
            say(f"looking at state {number} of {len(moments)} on validation tasks")
            try:
                loss = tasks.loss(make(moment), device)
            except Exception as error:
                print(f"state {number} cannot be asked: {described(error)}", flush=True)
                loss = Loss(math.inf, math.inf)
            place = moment.tasks, moment.seconds
            rows += [(*place, VALIDATION, loss.mean), (*place, TYPICAL, loss.typical)]
        taken[0] = time.perf_counter() - started
        return pd.DataFrame(rows, columns=list(HISTORY_TYPES)).astype(HISTORY_TYPES)

    who = spec.training, spec.identity["learner"], spec.keep
    key = json.dumps([*who, identity, asked.model_dump(mode="json"), device], sort_keys=True)
    seen = once(place, key, look)
    typical = seen["value"][seen["metric"].eq(TYPICAL)].to_numpy()
    seen = seen[seen["metric"].eq(VALIDATION)]
    losses = seen["value"].to_numpy()
    best = len(losses) - 1 - int(losses[::-1].argmin())
    curve = seen[losses < math.inf].reset_index(drop=True)
    kept: dict[str, Any] = {"state": spec.keep, "moments": len(losses), "on": asked.tasks}
    kept |= {"tasks": moments[best].tasks}
    if math.isfinite(losses[best]):
        kept["loss"] = float(losses[best])
    if math.isfinite(losses[-1]):
        kept["last_loss"] = float(losses[-1])
    if len(typical) and math.isfinite(typical[-1]):
        kept["last_typical_loss"] = float(typical[-1])
    return Chosen(moments[best] if len(losses) > 1 else None, curve, {"kept": kept}, taken[0])
