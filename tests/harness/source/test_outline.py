"""What a source tells of a class is what the class is, and comes without its imports."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from benchmarks.harness.plan.explaining import keys_of
from benchmarks.harness.source.outline import outline

ROOT = Path(__file__).parents[3]
POINTS = [it for group in ("learners", "families") for it in entry_points(group=f"reml.{group}")]


@pytest.mark.parametrize("point", POINTS, ids=lambda it: it.name)
def test_an_outline_has_the_keys_the_docstring_and_the_presets_of_its_class(
    point: EntryPoint,
) -> None:
    if point.module.partition(".")[0] not in ("reml", "baselines", "benchmarks"):
        pytest.skip("of another project")
    cls, found = point.load(), outline(point.value)
    assert found is not None
    assert found is not cls
    assert found.__doc__ == cls.__doc__
    presets = getattr(cls, "presets", {})
    assert getattr(found, "presets", {}) == presets
    assert keys_of(found, presets.get(point.name)) == keys_of(cls, presets.get(point.name))
    for constant in ("name", "version", "later", "effort", "only_at_test"):
        assert getattr(found, constant, None) == getattr(cls, constant, None)


def test_outlines_import_nothing_slow() -> None:
    script = (
        "import sys; from importlib.metadata import entry_points\n"
        "from benchmarks.harness.source.outline import outline\n"
        "points = [*entry_points(group='reml.learners'), *entry_points(group='reml.families')]\n"
        "assert all(outline(it.value) for it in points if it.value.startswith(('reml', 'base')))\n"
        "print(*sorted({'torch', 'numpy', 'pandas', 'learn2learn'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"


@pytest.mark.parametrize("value", ["json:JSONDecoder", "baselines.maml:Nobody", "baselines.no:No"])
def test_what_is_not_this_project_s_has_no_outline(value: str) -> None:
    assert outline(value) is None


def test_what_trains_with_a_missing_package_can_still_be_looked_at() -> None:
    script = (
        "import sys; sys.modules['learn2learn'] = None\n"
        "from benchmarks.harness.source.outline import outline\n"
        "print(outline('baselines.maml:MAML').name, outline('baselines.mean:Mean').name)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "maml mean\n"
