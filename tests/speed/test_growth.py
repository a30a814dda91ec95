"""How cost grows is measured, said and drawn."""

import math
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.speed import growth


def test_a_command_says_and_draws_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(growth, "ITERATIONS", 1)
    monkeypatch.setattr(growth, "LEARNERS", {"maml": growth.LEARNERS["maml"]})
    monkeypatch.setattr(growth, "SIZES", {"tasks in a batch": (2, 4), "test tasks": (2, 4)})
    picture = tmp_path / "new" / "growth.png"
    monkeypatch.setattr(sys, "argv", ["growth", "--figure", str(picture)])
    growth.main()
    _, _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split(" | ")[0] for row in rows] == ["| tasks in a batch", "| test tasks"]
    for row in rows:
        _, _, _, sizes, seconds, slope, *_ = (it.strip() for it in row.split("|"))
        assert sizes == "2 – 4"
        assert all(float(it) > 0 for it in seconds.split(" – "))
        assert math.isfinite(float(slope))
    with Image.open(picture) as image:
        assert image.width > image.height > 100


def test_an_exponent_is_of_the_largest_sizes() -> None:
    sizes = (1, 10, 100, 1000)
    assert growth.exponent(sizes, [50.0, 1e2, 1e4, 1e6]) == pytest.approx(2)
    assert math.isnan(growth.exponent(sizes, [1.0, 0.0, 1.0, 1.0]))
