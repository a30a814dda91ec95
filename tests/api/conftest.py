"""Rows in memory, a learner that is in no file, and results of both."""

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import reml

PLUGIN = Path(__file__).parent / "plugins" / "smoother.py"
SMALL = {"shots": [3], "steps": [0, 1], "budget": 40, "report": False, "progress": False}


def rows(sites: int = 410, points: int = 6) -> pd.DataFrame:
    """A line for each site, and a step where its kind is b."""
    rng = np.random.default_rng(0)
    found = []
    for site in range(sites):
        slope, level = rng.normal(size=2)
        dose = rng.uniform(-3, 3, points)
        kind = rng.integers(2, size=points)
        answer = 100 + 10 * (slope * dose + level + 2 * kind)
        found += [
            (f"site {site}", *it)
            for it in zip(dose, np.array(["a", "b"])[kind], answer, strict=True)
        ]
    return pd.DataFrame(found, columns=["site", "dose", "kind", "answer"])


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    return rows()


@pytest.fixture(scope="session")
def in_notebook() -> Callable[[str, str], type]:
    """A learner as a cell of a notebook defines it, a text in it replaced by another."""

    def define(old: str, new: str) -> type:
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(PLUGIN.read_text().replace('"smoother"', '"noted"').replace(old, new), names)
        return names["Smoother"]

    return define


@pytest.fixture(scope="session")
def noted(in_notebook: Callable[[str, str], type]) -> type:
    """A learner that no worker can import."""
    return in_notebook("", "")


@pytest.fixture(scope="session")
def filed() -> type:
    """The same learner as a module defines it."""
    spec = spec_from_file_location("smoother_of_mine", PLUGIN)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.Smoother


@pytest.fixture(scope="session")
def compared(
    frame: pd.DataFrame, noted: Any, tmp_path_factory: pytest.TempPathFactory
) -> reml.Results:
    """Two learners of a notebook and two that have uncertainty, in two seeds."""
    return reml.compare(
        frame,
        task="site",
        y="answer",
        learners=[noted, noted(bandwidth=0.2), "gp", {"name": "cnp", "loss": "gaussian"}],
        seeds=2,
        out=tmp_path_factory.mktemp("compared") / "out",
        **SMALL,
    )


@pytest.fixture
def tiny(noted: type) -> Callable[..., dict[str, Any]]:
    """A matrix as a dict: one trial of a learner that runs in this process."""

    def make(**more: Any) -> dict[str, Any]:
        few = {"kind": "few_shot", "shots": [2], "steps": [0], "tasks": 5, "queries": 4}
        matrix = {"name": "tiny", "seeds": 1, "budget": {"tasks": 20}, "protocol": few}
        return {**matrix, "family": "sinusoid", "learner": noted, **more}

    return make
