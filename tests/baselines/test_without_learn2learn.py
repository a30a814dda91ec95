"""Without learn2learn all learners but its own run, and those say what to type."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys
sys.modules["learn2learn"] = sys.modules["torchvision"] = None
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


def test_all_but_its_own_learners_run():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    refused = json.loads(done.stdout)
    assert set(refused) == {"anil", "maml", "meta_sgd"}
    for sentence in refused.values():
        assert "pip install --no-deps learn2learn==0.2.0" in sentence
        assert len(sentence.splitlines()) == 1


def test_a_matrix_that_needs_it_fails_before_anything_is_trained(tmp_path):
    (tmp_path / "m.toml").write_text(MATRIX)
    program = (
        "import sys; sys.modules['learn2learn'] = sys.modules['torchvision'] = None\n"
        "from benchmarks.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    run = [sys.executable, "-c", program, "run", "m.toml", "--out", "out"]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "maml" in done.stderr
    assert "pip install --no-deps learn2learn==0.2.0" in done.stderr
    assert not list(tmp_path.glob("out/trials/*/*"))
