"""The floor plan is held by import-linter; a planted violation must be caught."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PLANTED = {
    "a lower floor imports a higher one": (
        "benchmarks/core/planted.py",
        "benchmarks.harness.store.results",
    ),
    "neighbours import each other": ("reml/planted.py", "baselines.maml"),
    "a trial imports what stores it": (
        "benchmarks/harness/trial/planted.py",
        "benchmarks.harness.store.results",
    ),
    "a plan imports an evaluation": (
        "benchmarks/harness/plan/planted.py",
        "benchmarks.harness.evaluation.evaluator",
    ),
    "scores import a table": (
        "benchmarks/report/scores/planted.py",
        "benchmarks.report.tables.layout",
    ),
    "a figure imports a finding": (
        "benchmarks/report/figures/planted.py",
        "benchmarks.report.findings.advice",
    ),
    "a second module imports learn2learn": ("baselines/planted.py", "learn2learn"),
}


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=root, capture_output=True, text=True
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in ("reml", "baselines", "benchmarks"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_layers_hold(copy: Path) -> None:
    result = _lint(copy)
    assert result.returncode == 0, result.stdout
    assert "6 kept, 0 broken" in result.stdout


@pytest.mark.parametrize("violation", PLANTED)
def test_a_planted_violation_is_caught(copy: Path, violation: str) -> None:
    file, module = PLANTED[violation]
    (copy / file).write_text(f"import {module}\n")
    result = _lint(copy)
    assert result.returncode == 1, result.stdout
    assert f"{file.replace('/', '.').removesuffix('.py')} -> {module}" in result.stdout
