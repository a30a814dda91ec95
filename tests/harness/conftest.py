"""A tiny matrix, and a plugin with learners for it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry

HEAD = """
name = "tiny"
seeds = 2

[budget]
tasks = 100

[[protocol]]
kind = "few_shot"
shots = [2, 5]
steps = [0, 1]
tasks = 20
queries = 7

[[family]]
name = "sinusoid"
"""


@pytest.fixture(scope="session")
def plugin() -> Path:
    return Path(__file__).parent / "plugins" / "contenders.py"


@pytest.fixture(scope="session")
def registry(plugin: Path) -> Registry:
    return Registry([plugin, plugin.with_name("classifiers.py")])


@pytest.fixture
def write_matrix(tmp_path: Path) -> Callable[..., Path]:
    """Write a matrix of the given `[[learner]]` tables (TOML), or of bare names, to a file."""

    def write(*learners: str, head: str = HEAD) -> Path:
        tables = [text if "=" in text else f'name = "{text}"' for text in learners]
        path = tmp_path / "tiny.toml"
        path.write_text(head + "".join(f"\n[[learner]]\n{table}\n" for table in tables))
        return path

    return write


@pytest.fixture
def trials_of(
    write_matrix: Callable[..., Path], registry: Registry
) -> Callable[..., list[TrialSpec]]:
    """The trials of the matrix that `write_matrix` would write."""

    def make(*learners: str, **more: str) -> list[TrialSpec]:
        return expand(load_matrix(str(write_matrix(*learners, **more))), registry)

    return make
