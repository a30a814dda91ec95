"""A results folder in the midst of a run: trials done, failed, running, and of a dead machine."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.harness.disk.files import write_json
from benchmarks.harness.disk.pulse import PULSE, Pulse
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.matrix import matrix_of
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder, seal
from benchmarks.harness.trial.trial import blank_record, run_trial

MATRIX = {
    "name": "midst",
    "title": "A <b>small</b> run",
    "seeds": 2,
    "budget": {"tasks": 10},
    "protocol": [{"kind": "few_shot", "shots": [2], "steps": [0, 1], "tasks": 10, "queries": 5}],
    "family": [{"name": "sinusoid"}],
    "learner": [{"name": "mean"}, {"name": "ridge"}, {"name": "scratch", "label": "<i>new</i>"}],
}
REASON = (
    "OSError: token=abc123secret in /home/somebody/private data/key.pem and <script>bad()</script>"
)


class Midst:
    """What a run has left, and what it may do next."""

    def __init__(self, directory: Path) -> None:
        registry = Registry()
        matrix = matrix_of(MATRIX, Path("midst.toml"), registry)
        self.trials = expand(matrix, registry)
        self.directory = directory
        self._registry = registry
        self.folder = ResultsFolder(directory)
        with self.folder.open(describe(matrix, self.trials)):
            pass

    def finish(self, label: str, seed: int) -> None:
        spec = self._spec(label, seed)
        place = self.folder.begin(spec.id)
        run_trial(spec, self._registry, place)
        seal(place)
        self.folder.commit(place, spec.id)

    def fail(self, label: str, seed: int) -> None:
        spec = self._spec(label, seed)
        place = self.folder.begin(spec.id)
        record = blank_record(spec, {}) | {"status": "failed", "reason": REASON}
        write_json(place / "trial.json", record)
        seal(place)
        self.folder.commit(place, spec.id)

    def begin(self, label: str, seed: int, *, machine: str | None = None) -> Pulse:
        """A trial that runs in this process, or on a machine that was last heard of long ago."""
        spec = self._spec(label, seed)
        place = self.folder.begin(spec.id)
        pulse = Pulse(place, spec.id)
        pulse._written = float("-inf")
        pulse._curves["query_loss"] = [(n, 2.0 / (n + 1)) for n in range(20)]
        pulse.told(0.25, "query_loss 0.1 of /home/somebody/private/data.csv")
        if machine is not None:
            told = json.loads((place / PULSE).read_text())
            (place / PULSE).write_text(json.dumps({**told, "machine": machine, "host": machine}))
            os.utime(place / PULSE, (1e9, 1e9))
        return pulse

    def _spec(self, label: str, seed: int):
        return next(it for it in self.trials if (it.learner.label, it.seed) == (label, seed))


@pytest.fixture(scope="session")
def make_midst() -> Callable[[Path], Midst]:
    return Midst


@pytest.fixture(scope="module")
def midst(tmp_path_factory: pytest.TempPathFactory) -> Midst:
    made = Midst(tmp_path_factory.mktemp("midst") / "run")
    made.finish("mean", 0)
    made.fail("<i>new</i>", 0)
    made.begin("ridge", 0)
    made.begin("ridge", 1, machine="node7")
    return made
