"""Small matrices, on a machine of which nothing is known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.plan.matrix import Matrix, matrix_of

PROTOCOL = {"kind": "few_shot", "shots": [5], "steps": [0, 1], "tasks": 20}
HEAD = {
    "name": "tiny",
    "seeds": 3,
    "budget": {"tasks": 1000},
    "family": [{"name": "sinusoid"}],
}


@pytest.fixture(autouse=True)
def no_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def made() -> Callable[..., Matrix]:
    """Makes a matrix of these learners; `rules` are keys of its protocol, all else of itself."""

    def make(*learners: dict[str, Any], rules: dict[str, Any] | None = None, **more: Any) -> Matrix:
        protocol = [{**PROTOCOL, **(rules or {})}]
        tables = {**HEAD, "protocol": protocol, "learner": list(learners), **more}
        return matrix_of(tables, Path("tiny.toml"))

    return make
