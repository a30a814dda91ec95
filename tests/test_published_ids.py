"""Published results are still those of the bundled matrices: their trials keep their ids."""

import json
import os
from pathlib import Path

import pytest

from benchmarks.core.errors import DataError
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.matrix_file import bundled
from benchmarks.harness.plan.registry import Registry

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
PUBLISHED = sorted(path.parent.name for path in (ROOT / "results").glob("*/matrix.json"))


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name in bundled()])
def test_published_trials_keep_their_ids(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "REML_DATA" not in os.environ and DATA.is_dir():
        monkeypatch.setenv("REML_DATA", str(DATA))
    known = json.loads((ROOT / "results" / name / "matrix.json").read_text())
    try:
        trials = expand(load_matrix(name), Registry())
    except DataError:
        pytest.skip("needs data that is not here")
    # rows that are not published yet may be there already
    assert {row["trial"] for row in known["trials"]} <= {trial.id for trial in trials}
