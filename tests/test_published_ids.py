"""Published results are still those of the bundled matrices: their trials keep their ids."""

import json
import os
from pathlib import Path

import pytest

from benchmarks.core.errors import DataError
from benchmarks.harness.plan.expand import arrange
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.matrix_file import bundled
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.tuning.known import Known

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
PUBLISHED = sorted(path.parent.name for path in (ROOT / "results").glob("*/matrix.json"))


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name in bundled()])
def test_published_trials_keep_their_ids(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "REML_DATA" not in os.environ and DATA.is_dir():
        monkeypatch.setenv("REML_DATA", str(DATA))
    known = json.loads((ROOT / "results" / name / "matrix.json").read_text())
    matrix, registry = load_matrix(name), Registry()
    try:
        pairings = arrange(matrix, registry)
    except DataError:
        pytest.skip("needs data that is not here")
    # of one that is tuned, the settings that were chosen are published beside
    trials = Known(matrix, pairings, registry, ROOT / "results" / name).trials
    trials = Known(matrix, pairings, registry, ROOT / "results" / name).trials
    # rows that are not published yet may be there already
    assert {row["trial"] for row in known["trials"]} <= {trial.id for trial in trials}
