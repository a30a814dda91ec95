"""Without learn2learn all learners but its own run, and those say what to type."""

import json

from warm import Command

WITHOUT = """
import sys
assert not {"learn2learn", "torchvision"} & sys.modules.keys()
sys.modules["learn2learn"] = sys.modules["torchvision"] = None
for name in [it for it in sys.modules if it.partition(".")[0] == "baselines"]:
    del sys.modules[name]  # it looks for them when it is imported
"""
PROGRAM = """
import json
from benchmarks.core import Budget, BudgetedSource, generator_of
from benchmarks.core.errors import MissingDependency
from benchmarks.harness.plan.registry import Registry
from benchmarks.tasks.sinusoid import Sinusoid

registry, refused = Registry(), {}
for name in registry.names("learner"):
    try:
        registry.find("learner", name)
    except MissingDependency as error:
        refused[name] = str(error)
for name in ("scratch", "fine_tuning", "reptile"):
    found = registry.find("learner", name)
    learner = found.cls(**found.preset, **found.cls.test_fields)
    source = BudgetedSource(Sinusoid(), Budget(tasks=5), generator_of("train"))
    learner.fit(source, generator_of("fit"))
    support = Sinusoid().sample(2, "test", generator_of("t"), shots=3, queries=1).support
    assert len([predict(support.x) for predict in learner.adapt(support, [0, 2])]) == 2
print(json.dumps(refused))
"""
MATRIX = """
name = "m"
seeds = 1
[budget]
tasks = 5
[[protocol]]
kind = "few_shot"
shots = [5]
steps = [0]
[[family]]
name = "sinusoid"
[[learner]]
name = "mean"
[[learner]]
name = "maml"
"""


def test_all_but_its_own_learners_run(tmp_path):
    (tmp_path / "program.py").write_text(WITHOUT + PROGRAM)
    with Command([], tmp_path, script=tmp_path / "program.py") as running:
        assert running.wait(120) == 0, running.complained
        refused = json.loads(running.said)
    assert set(refused) == {"anil", "maml", "meta_sgd"}
    for sentence in refused.values():
        assert "pip install --no-deps learn2learn==0.2.0" in sentence
        assert len(sentence.splitlines()) == 1


def test_a_matrix_that_needs_it_fails_before_anything_is_trained(tmp_path):
    (tmp_path / "m.toml").write_text(MATRIX)
    command = "from benchmarks.cli import main\nsys.exit(main(sys.argv[1:]))\n"
    (tmp_path / "program.py").write_text(WITHOUT + command)
    run = ["run", "m.toml", "--out", "out"]
    with Command(run, tmp_path, script=tmp_path / "program.py") as running:
        assert running.wait(120) == 2
        complained = running.complained
    assert len(complained.strip().splitlines()) == 1
    assert "maml" in complained
    assert "pip install --no-deps learn2learn==0.2.0" in complained
    assert not list(tmp_path.glob("out/trials/*/*"))
