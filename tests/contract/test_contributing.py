"""The example in CONTRIBUTING.md is short, keeps the laws, learns, and is found by its matrix."""

import re
import tomllib
from pathlib import Path

import pytest
import torch

from benchmarks.cli import main
from benchmarks.core import Budget, BudgetedSource, generator_of, task_mse
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.protocols import protocols_of
from benchmarks.harness.plan.registry import Registry, import_file
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import check_learner

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my_learner.py"
    (code,) = blocks("python")
    path.write_text(code)
    return path


@pytest.fixture
def smoother(file):
    return import_file(file).KernelSmoother


def test_the_example_is_short():
    (code,) = blocks("python")
    assert len(code.splitlines()) < 60


def test_the_example_keeps_the_laws(smoother):
    checks = check_learner(lambda: smoother(**smoother.test_fields))
    assert [check for check in checks if not check.passed] == []


def test_reml_check_finds_the_example(file, capsys):
    assert main(["check", f"{file}:KernelSmoother"]) == 0
    assert "laws hold" in capsys.readouterr().out


def test_the_matrix_finds_the_example(file, tmp_path):
    (matrix,) = blocks("toml")
    (tmp_path / "my_matrix.toml").write_text(matrix)
    trials = expand(load_matrix(str(tmp_path / "my_matrix.toml")), Registry([file]))
    assert {trial.learner.label for trial in trials} == {"kernel_smoother", "maml"}
    assert len(trials) == 4  # two seeds each


def test_the_protocol_shown_is_one():
    section = GUIDE.read_text().partition("## Protocols\n")[2].partition("\n## ")[0]
    shown = "".join(re.findall(r"^    (.*\n)", section, re.MULTILINE))
    (table,) = tomllib.loads(shown)["protocol"]
    registry = Registry()
    found = protocols_of(table, "CONTRIBUTING.md", registry)
    assert [it.other for it in found] == ["squares", "lines"]
    assert all(f"| `{name}` |" in section for name in registry.names("protocol"))


def test_the_example_learns_its_bandwidth(smoother):
    learner = smoother()
    source = BudgetedSource(Sinusoid(), Budget(tasks=2000), generator_of("tasks"))
    learner.fit(source, generator_of("fit"))
    test = Sinusoid().sample(500, "test", generator_of("test"), shots=10, queries=50)

    def error():
        (predict,) = learner.adapt(test.support, [0])
        return task_mse(predict(test.query.x), test.query.y).mean()

    chosen = error()
    for i in range(len(learner.bandwidths)):
        learner.losses_ = torch.ones(len(learner.bandwidths)).index_fill(0, torch.tensor(i), 0.0)
        assert chosen <= error()
    assert chosen < 2.0  # predicting 0 scores 4.2
