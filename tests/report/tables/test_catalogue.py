"""A table is one file: nothing else names it, and it is in table.md, index.md and a CSV file."""

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from benchmarks.core.errors import PluginError
from benchmarks.harness.store.ledger import Ledger
from benchmarks.harness.store.results import Results
from benchmarks.report import tables
from benchmarks.report.documents.index import render_index
from benchmarks.report.documents.page.document import render
from benchmarks.report.tables import catalogue
from benchmarks.report.tables.write import write_table

Make = Callable[..., Results]
ONE_FILE = '''
"""How many seeds each learner has."""

import pandas as pd

from benchmarks.report.tables.layout import Entry, Section, Sheet

PLACE = 15
FILE = "seeds.csv"


def sheets(at):
    entrants = at.comparison.entrants
    rows = tuple((Entry(it.name), Entry(f"{it.done} of them")) for it in entrants)
    yield Sheet(f"Seeds with {at.group.shots} shots.", ("learner", "seeds"), rows)


def remarks(at):
    yield f"Seen on {at.comparison.family}."


def sections(results):
    yield Section(f"All {len(results.trials)} trials", ())


def frame(results, against):
    return pd.DataFrame({"trials": [len(results.trials)]})
'''


@pytest.fixture
def one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with one module more, as if it were among the others."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "seeds_done.py").write_text(ONE_FILE)
    monkeypatch.setattr(tables, "__path__", [*tables.__path__, str(folder)])
    yield folder
    for name in ("seeds_done", f"{tables.__name__}.seeds_done"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def few(make_results: Make) -> Results:
    return make_results(["maml", "mean"], tasks=4, seeds=1, curves=False, history=False)


@pytest.mark.usefixtures("one_file")
def test_one_more_file_is_one_more_table(few: Results, records, tmp_path: Path) -> None:
    written = write_table(few, tmp_path).read_text()
    assert written.index("Interquartile mean") < written.index("Seeds with 5 shots.")
    assert written.index("Seeds with 5 shots.") < written.index("Paired differences after")
    assert "| maml    | 1 of them |" in written
    assert "- Seen on sinusoid." in written
    index, page = render_index(few, tmp_path), render(few, records(few), [])
    assert "### All 2 trials" in index
    assert "Seeds with 10 shots." in index
    assert ">All 2 trials</h3>" in page
    assert (tmp_path / "seeds.csv").read_text() == "trials\n2\n"
    assert "seeds.csv" in Ledger(tmp_path).names()


def test_another_package_names_its_own_in_an_entry_point(
    few: Results, one_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.syspath_prepend(str(one_file))
    point = EntryPoint("seeds", "seeds_done", catalogue.ENTRY_POINTS)
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [point])
    assert "All 2 trials" in [it.heading for it in catalogue.all_sections(few)]
    for value in ("not_there", "json"):
        point = EntryPoint("mine", value, catalogue.ENTRY_POINTS)
        monkeypatch.setattr(catalogue, "entry_points", lambda group, it=point: [it])
        with pytest.raises(PluginError, match=r"^table 'mine'"):
            list(catalogue.sections(few))
