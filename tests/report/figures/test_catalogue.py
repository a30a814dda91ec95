"""A figure is one file: nothing else names it, and it is in the index and on the page."""

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from benchmarks.core.errors import PluginError
from benchmarks.harness.store.ledger import Ledger
from benchmarks.harness.store.results import Results
from benchmarks.report import figures
from benchmarks.report.documents.index import render_index
from benchmarks.report.documents.page import inlay
from benchmarks.report.documents.page.document import render
from benchmarks.report.figures import catalogue

Make = Callable[..., Results]
ONE_FILE = '''
"""How many seeds each learner has."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from benchmarks.report.figures.drawing.style import panels
from benchmarks.report.figures.view import Picture, View

PLACE = 25


def pictures(view: View) -> Iterator[Picture]:
    if len(view.comparison.entrants) > 1:
        yield view.picture("seeds-done", "Seeds", "Who has `how many`.", lambda: seeds_done(view))


def seeds_done(view: View) -> Figure:
    figure, axes = panels(1, 1, 3.0, 3.0)
    axes[0][0].bar(*zip(*((it.label, it.done) for it in view.comparison.entrants)))
    return figure
'''


@pytest.fixture
def one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with one module more, as if it were among the others."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "seeds_done.py").write_text(ONE_FILE)
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(folder)])
    yield folder
    for name in ("seeds_done", f"{figures.__name__}.seeds_done"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def few(make_results: Make) -> Results:
    return make_results(["maml", "mean"], tasks=4, seeds=1, curves=False, history=False)


def test_one_more_file_is_one_more_figure(
    few: Results, records, one_file: Path, tmp_path: Path
) -> None:
    inlays = []
    written = catalogue.write_figures(few, tmp_path, lambda *it: inlays.append(inlay(*it)))
    stems = [path.stem for path in written if path.suffix == ".svg"]
    assert stems[:3] == ["error-against-steps", "seeds-done", "error-against-shots"]
    index = render_index(few, tmp_path)
    assert "### Seeds, sinusoid\n\n![Seeds, sinusoid](figures/seeds-done.png)" in index
    assert "Who has `how many`. ([SVG](figures/seeds-done.svg))" in index
    page = render(few, records(few), inlays)
    assert '<figure id="figure-seeds-done"' in page
    assert "<figcaption>Who has <code>how many</code>.</figcaption>" in page
    assert "figures/seeds-done.png" in Ledger(tmp_path).names()  # a later report may remove it


def test_it_is_left_out_where_it_does_not_apply(make_results: Make, one_file: Path) -> None:
    alone = make_results(["mean"], tasks=4, seeds=1, curves=False, history=False)
    assert "seeds-done" not in [it.stem for it in catalogue.pictures(alone)]


@pytest.mark.usefixtures("one_file")
def test_another_package_names_its_own_in_an_entry_point(
    few: Results, one_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.syspath_prepend(str(one_file))
    point = EntryPoint("seeds", "seeds_done", catalogue.ENTRY_POINTS)
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [point])
    assert [it.stem for it in catalogue.pictures(few)][1] == "seeds-done"
    for value in ("not_there", "json"):
        point = EntryPoint("mine", value, catalogue.ENTRY_POINTS)
        monkeypatch.setattr(catalogue, "entry_points", lambda group, it=point: [it])
        with pytest.raises(PluginError, match=r"^figure 'mine'"):
            list(catalogue.pictures(few))
