"""Whether NewFamily keeps the laws of a family."""

from benchmarks.start.samples.family import NewFamily
from benchmarks.testing import check_family


def test_it_keeps_the_laws() -> None:
    checks = check_family(NewFamily)
    assert [f"{it.name}: {it.message}" for it in checks if not it.passed] == []
