"""The house keeps its measures: short modules, and folders that one can look over."""

import re
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("benchmarks", "baselines", "reml")
LINES, MEDIAN, MODULES = 300, 120, 14
CROWDED = {"baselines", "benchmarks/tasks"}
"""Folders where each module is one contender or family."""
LONG: set[str] = set()
"""What is still to be split; it may shrink, and nothing may join it."""


def lengths() -> dict[str, int]:
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in found}


def test_modules_are_short() -> None:
    assert {name for name, lines in lengths().items() if lines > LINES} <= LONG
    assert median(lengths().values()) <= MEDIAN


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_can_be_looked_over(package: str) -> None:
    folders = [ROOT / package, *(it for it in (ROOT / package).rglob("*") if it.is_dir())]
    for folder in folders:
        modules = [it for it in folder.glob("*.py") if it.name != "__init__.py"]
        if folder.relative_to(ROOT).as_posix() not in CROWDED:
            assert len(modules) <= MODULES, folder


def test_the_packages_that_were_asked_for_are_what_it_is_made_with() -> None:
    """They were chosen by the project's owner: a faster start is no reason to do without one."""
    project = (ROOT / "pyproject.toml").read_text()
    code = "".join(it.read_text() for name in PACKAGES for it in (ROOT / name).rglob("*.py"))
    for package in ("torch", "pandas", "seaborn"):
        assert f'"{package}>=' in project
        assert re.search(rf"^\s*(import {package}|from {package}\b)", code, flags=re.MULTILINE)
    assert "pytest-benchmark" in project
    assert "learn2learn" in (ROOT / "requirements-learn2learn.txt").read_text()
