"""Every learner trains, adapts, predicts and goes on where tensors live, be it not the CPU.

Where there is no GPU that is tried on a device that is pretended, and said of the GPU.
"""

import importlib
import tomllib
from contextlib import nullcontext
from functools import partial
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, Resumes
from benchmarks.core.contract import Diagnoses, Explains, Uncertain
from benchmarks.core.seeds import generator_of
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import matrix_of
from benchmarks.harness.plan.registry import Registry, import_file
from benchmarks.harness.trial.packing import on_cpu
from benchmarks.harness.trial.trial import run_trial
from benchmarks.testing.cases import Case

ELSEWHERE = import_file(Path(__file__).with_name("elsewhere.py"))
LEARNERS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"][
    "entry-points"
]["reml.learners"]
NO_GPU = "not run: there is no GPU here"
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_GPU)
ALIKE = {"baseline++"}
"""On the pretended device `simpleshot`, which is trained by the same code, stands for it."""
KNOWN = {}
STEPS, TASKS = (0, 1), 9
SAMPLE_THERE = {"reml-thesis"}
"""Whose random numbers are those of the device."""
CLOSE = {"pretended": 1e-6, "cuda": 1e-3}
"""How far predictions may be from those of the CPU, as a share of the largest, or of 1."""
PRETRAINED = {"simpleshot": 10, "baseline++": 10}
"""May be so many times as far: Adam's first steps are as long where a gradient is but rounding."""


@pytest.fixture(params=["pretended", pytest.param("cuda", marks=GPU)])
def device(request, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)  # as trials do
    with ELSEWHERE.pretended() if request.param == "pretended" else nullcontext("cuda") as found:
        yield found


def _cases():
    """Each learner of each kind; on the pretended device no presets, which are of the same code."""
    for name, place in sorted(LEARNERS.items()):
        module, _, member = place.partition(":")
        learner = getattr(importlib.import_module(module), member)
        fields = {**learner.presets.get(name, {}), **learner.test_fields}
        for kind in sorted(getattr(learner, "kinds", {"regression"})):
            case, what = Case(partial(learner, **fields), kind), f"{name}-{kind}"
            if name == learner.name and name not in ALIKE:
                yield pytest.param(name, case, "pretended", id=f"{what}-pretended")
            yield pytest.param(name, case, "cuda", marks=GPU, id=f"{what}-cuda")


each_learner = pytest.mark.parametrize(("name", "case", "device"), [*_cases()], indirect=["device"])


def source(case, device, tasks=TASKS, **more):
    generator = generator_of("kit tasks", 0)
    budget = Budget(tasks=tasks)
    return BudgetedSource(case.toy(), budget, generator, needs=case.needs, device=device, **more)


class Trained:
    """A learner, and all that a training that is cut off half-way needs to go on."""

    def __init__(self, case, device):
        self.learner, self.cut = case.make(), None
        self._generator = generator_of("kit fit", 0)
        self._source = source(case, device, on_rest=self._rest)
        self.learner.fit(self._source, self._generator)

    def _rest(self):
        if self.cut is None and isinstance(self.learner, Resumes) and self._source.tasks:
            parts = self.learner.checkpoint(), self._source.position(), self._generator.get_state()
            self.cut = stored(parts) if parts[0] is not None else None


def trained(case, device):
    key = id(case), str(device)
    if key not in KNOWN:
        KNOWN[key] = Trained(case, device)
    return KNOWN[key]


def stored(parts):
    """As a file has them, to be loaded where there is no such device."""
    torch.save(on_cpu(parts), file := BytesIO())
    return file.getvalue()


def loaded(stored):
    return torch.load(BytesIO(stored), weights_only=True)


def answers(learner, case, device):
    """Predictions, and how sure they are, where they say."""
    batch = case.test_tasks().to(device)
    found = []
    for predict in learner.adapt(batch.support, STEPS):
        found.append(predict(batch.query.x))
        if isinstance(predict, Uncertain):
            found.append(predict.std(batch.query.x))
    assert {it.device.type for it in found} == {torch.device(device).type}
    return torch.stack([it.detach().cpu() for it in found])


def demand_close(found, expected, device, times=1):
    most = times * max(1.0, float(expected.abs().max()))
    close = CLOSE["cuda" if device == "cuda" else "pretended"]
    torch.testing.assert_close(found, expected, rtol=0, atol=close * most)


@each_learner
def test_a_learner_follows_the_tensors(name, case, device):
    learner = trained(case, device).learner
    there = answers(learner, case, device)
    if name not in SAMPLE_THERE:
        here = answers(trained(case, "cpu").learner, case, "cpu")
        demand_close(there, here, device, PRETRAINED.get(name, 1))
    moved = case.make()
    moved.load_state(loaded(stored(learner.state())))
    demand_close(answers(moved, case, "cpu"), there, device)
    demand_close(answers(moved, case, device), there, device)
    moved.partial_fit(source(case, device, tasks=3), generator_of("kit fit", 1))
    assert answers(moved, case, "cpu").isfinite().all()


@each_learner
def test_a_learner_says_there_what_it_does(name, case, device):
    learner = trained(case, device).learner
    support = case.test_tasks().to(device).support
    if isinstance(learner, Explains):
        assert all(learner.explain(support))
    if isinstance(learner, Diagnoses):
        told = learner.diagnose(support)
        for values in (*told.measures.values(), *(it.values for it in told.choices.values())):
            assert values.cpu().isfinite().all()


@each_learner
def test_a_training_goes_on_there(name, case, device):
    whole = trained(case, device)
    if whole.cut is None:
        pytest.skip("cannot go on where it was cut off")
    state, position, chance = loaded(whole.cut)
    learner, rest_of, generator = case.make(), source(case, device), generator_of("other")
    rest_of.go_to(position)
    generator.set_state(chance)
    learner.resume(state, rest_of, generator)
    assert rest_of.tasks == TASKS
    demand_close(answers(learner, case, device), answers(whole.learner, case, device), device)


def test_a_trial_is_done_there(device, tmp_path):
    matrix = {
        "name": "there",
        "seeds": 1,
        "budget": {"tasks": 10},
        "protocol": [{"kind": "few_shot", "shots": [2], "steps": [0, 1], "tasks": 3, "queries": 6}],
        "family": [{"name": "digits"}],
        "learner": [{"name": "maml", "hidden": [8], "meta_batch": 5}],
    }
    (spec,) = expand(matrix_of(matrix, tmp_path / "there.toml"), Registry())
    scores = {}
    for place in ("cpu", str(device)):
        record = run_trial(spec, Registry(), tmp_path / place, device=place)
        assert record["status"] == "done", record["traceback"]
        scores[place] = pd.read_parquet(tmp_path / place / "scores.parquet")["value"].to_numpy()
    assert scores[str(device)] == pytest.approx(scores["cpu"], rel=1e-3, abs=1e-3)


def test_tensors_elsewhere_are_particular(device):
    there = torch.ones(3, 3).to(device)
    for wrong in (
        lambda: there + torch.ones(3, 3),
        lambda: torch.ones(3)[torch.zeros(2, dtype=torch.long).to(device)],
        lambda: torch.rand(3, device=device, generator=torch.Generator()),
        lambda: torch.cat([there, torch.ones(3, 3)]),
        lambda: there.numpy(),
    ):
        with pytest.raises((RuntimeError, TypeError)):
            wrong()
    assert (there * torch.tensor(2.0))[torch.tensor([0])].sum().item() == 6
