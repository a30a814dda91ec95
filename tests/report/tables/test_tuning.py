"""The table of what a search has chosen, whatever came of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.harness.disk.columns import TUNING_TYPES
from benchmarks.harness.store.results import Results, load_results
from benchmarks.report.tables.tuning import frame, sections

PUBLISHED = Path(__file__).parents[3] / "results" / "metoffice"


@pytest.fixture(scope="module")
def results() -> Results:
    return load_results(PUBLISHED)


def tried(learner: str, number: int, loss: float, **more: Any) -> dict[str, Any]:
    row = {
        "study": learner,
        "family": "table",
        "protocol": "few_shot",
        "fold": 0,
        "learner": learner,
        "number": number,
        "state": "done",
        "loss": loss,
        "chosen": False,
        "seconds": 2.0,
        "validation_seconds": 0.5,
        "tasks": 100,
        "settings": json.dumps({"lr": 0.1 / (number + 1), "hidden": [40] * (number + 1)}),
        "losses": "{}",
        "importance": "{}",
        "reason": "",
    }
    return row | more


def searched(results: Results, *rows: dict[str, Any], **why: str) -> Results:
    table = pd.DataFrame(rows, columns=list(TUNING_TYPES)).astype(TUNING_TYPES)
    studies = [{"learner": key, "family": "table", "why": it} for key, it in why.items()]
    return replace(results, tuning=table, searched={"trials": 2, "studies": studies})


def test_without_a_search_there_is_no_table(results: Results) -> None:
    assert [*sections(results)] == []
    assert frame(results).empty


def test_each_field_is_told_with_its_default_and_what_it_explains(results: Results) -> None:
    importance = json.dumps({"lr": 0.75, "hidden": 0.25})
    it = searched(
        results,
        tried("maml", 0, 0.5),
        tried("maml", 1, 0.25, chosen=True, importance=importance),
        tried("maml", 2, 0.9, state="given up"),
        mean="its class declares nothing to search",
    )
    (section,) = sections(it)
    (sheet,) = section.sheets
    assert sheet.caption.startswith("maml: tuned (3 trials), 2 to the end, 1 given up; ")
    assert "the defaults lose 0.50 and the best, number 1, 0.25." in sheet.caption
    assert "300 training tasks and 7.5" in sheet.caption
    assert [[cell.text for cell in row] for row in sheet.rows] == [
        ["lr", "0.1", "0.05", "0.75"],
        ["hidden", "[40]", "[40, 40]", "0.25"],
    ]
    assert "mean: nothing is tuned, as its class declares nothing to search." in section.remarks
    table = frame(it)
    assert [*table["importance"]] == [0.75, 0.25]
    assert [*table["default_loss"]] == [0.5, 0.5]


def test_where_all_settings_failed_it_says_so(results: Results) -> None:
    it = searched(results, *(tried("maml", n, float("nan"), state="failed") for n in range(2)))
    (section,) = sections(it)
    assert section.sheets == ()
    assert "maml: none of 2 trials came to its end." in section.remarks
    assert frame(it).empty


def test_failed_defaults_are_told(results: Results) -> None:
    it = searched(
        results,
        tried("maml", 0, float("nan"), state="failed"),
        tried("maml", 1, 0.25, chosen=True),
    )
    (section,) = sections(it)
    (sheet,) = section.sheets
    assert "1 failed" in sheet.caption
    assert "the defaults lose nothing that is known" in sheet.caption
    assert [row[3].text for row in sheet.rows] == ["–", "–"]


def test_folds_and_families_are_told_apart(results: Results) -> None:
    rows = [
        tried("maml", 0, 0.5, chosen=True, study=f"{family}{fold}", family=family, fold=fold)
        for family, fold in (("one", 0), ("one", 1), ("two", 0))
    ]
    (section,) = sections(searched(results, *rows))
    assert [it.caption.partition(":")[0] for it in section.sheets] == [
        "maml on one, fold 0",
        "maml on one, fold 1",
        "maml on two, fold 0",
    ]
    assert all("the least of all" in it.caption for it in section.sheets)
