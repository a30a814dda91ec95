"""What compiling brings is measured on the arithmetic that floors have."""

import re

import pytest

from benchmarks.speed import compiling


def test_it_is_told_how_long_it_takes_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """For MAML: of REML's, the annotations that tests check are what cannot be compiled."""
    monkeypatch.setattr(compiling, "BLOCKS", 1)
    monkeypatch.setattr(compiling, "ITERATIONS", 1)
    said = compiling.told("it", compiling.maml(), backend="eager")  # that takes no compiler
    found = re.fullmatch(r"it: compiled in \d+ s; ([\d.]+) ms before, ([\d.]+) ms after", said)
    assert found is not None
    assert min(map(float, found.groups())) > 0
