"""The conformance kit on every learner and family that this package registers."""

import importlib
import itertools
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks.tasks.images import Images
from benchmarks.tasks.oboe import Oboe
from benchmarks.tasks.omniglot import Omniglot
from benchmarks.tasks.table import Table
from benchmarks.testing import Toy, check_family, check_learner

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
ENTRY_POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]


def load(group, name):
    module, _, member = ENTRY_POINTS[group][name].partition(":")
    return getattr(importlib.import_module(module), member)


def broken(checks):
    return {check.name: check.message for check in checks if not check.passed}


@pytest.mark.parametrize("name", sorted(ENTRY_POINTS["reml.learners"]))
def test_learner(name):
    learner = load("reml.learners", name)
    assert name == learner.name or name in learner.presets
    fields = {**learner.presets.get(name, {}), **learner.test_fields}
    assert not broken(check_learner(lambda: learner(**fields)))


def example_of_table(folder):
    keys = itertools.product(range(8), range(3), range(4, 10))
    rows = [(g, t, i, "ab"[i % 2], g * 100 + t * 10 + i) for g, t, n in keys for i in [n]]
    data = pd.DataFrame(rows, columns=["group", "task", "x", "kind", "y"])
    data = data[(data["task"] > 0) | (data["x"] < 8)]  # some tasks are shorter than others
    data.to_csv(folder / "data.csv", index=False)
    path = str(folder / "data.csv")
    inputs = {"x": ("x", "kind"), "categorical": ("kind",)}
    return lambda: Table(path, task=("group", "task"), y="y", split_by="group", **inputs)


def example_of_omniglot(_):
    if not (DATA / "omniglot").is_dir():
        pytest.skip("no ../shared/data beside the project")
    return Omniglot


def example_of_oboe(folder):
    columns = {}
    for n, (c, kernel) in enumerate(itertools.product((0.1, 1, 10, 100), ("rbf", "poly"))):
        header = {"algorithm": "SVM", "hyperparameters": {"C": c, "kernel": kernel}}
        columns[str(header)] = [row + n / 10 if row % 3 or n else None for row in range(12)]
    path = folder / "error_matrix.csv"
    pd.DataFrame(columns, index=[f"{row:05}" for row in range(12)]).to_csv(path)
    return lambda: Oboe(str(path), "SVM")


def example_of_images(folder):
    for name in "abcdefgh":
        (folder / name).mkdir()
        for number in range(10):
            pixels = np.random.default_rng([ord(name), number]).integers(0, 256, (9, 9), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return lambda: Images(str(folder), ways=2, side=9, validation_fraction=0.3)


EXAMPLES = {
    "images": example_of_images,
    "oboe": example_of_oboe,
    "omniglot": example_of_omniglot,
    "table": example_of_table,
}
"""How to construct a family that has fields without a default, or needs data."""


@pytest.mark.parametrize("name", sorted(ENTRY_POINTS["reml.families"]))
def test_family(name, tmp_path, monkeypatch):
    monkeypatch.setenv("REML_DATA", str(DATA))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    family = load("reml.families", name)
    assert family.name == name
    (tmp_path / "data").mkdir()
    make = EXAMPLES[name](tmp_path / "data") if name in EXAMPLES else family
    assert not broken(check_family(make))


@pytest.mark.parametrize("fields", [{}, {"features": 2, "ragged": True}, {"outputs": 2}])
def test_the_toy_family_of_the_kit(fields):
    assert not broken(check_family(lambda: Toy(**fields)))
