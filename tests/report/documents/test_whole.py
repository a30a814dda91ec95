"""Tables come before figures, and a report is written again only where something has changed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.harness.store.ledger import Ledger
from benchmarks.harness.store.results import Results
from benchmarks.report.documents import whole
from benchmarks.report.documents.whole import write_page_alone, write_whole
from benchmarks.report.figures import catalogue as figures
from benchmarks.report.figures.cleanup import PAGE


@pytest.fixture
def drawings(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each time that figures are drawn, whether there is a page already."""
    times: list[bool] = []

    def draw(results: Results, directory: Path, each: object) -> None:
        times.append((directory / PAGE).exists())
        Ledger(directory).write_text("figures/error-against-steps.svg", "<svg/>")

    monkeypatch.setattr(figures, "write_figures", draw)
    return times


def test_only_what_changed_is_written_again(
    make_results: Callable[..., Results], tmp_path: Path, drawings: list[bool]
) -> None:
    results = make_results(("maml", "mean"), shots=(5,), seeds=2)
    (tmp_path / "figures").mkdir()
    said: list[str] = []

    def write(**how: bool) -> bool:
        """Whether the page was written."""
        said.clear()
        page = tmp_path / PAGE
        before = page.stat().st_mtime_ns if page.exists() else 0
        assert write_whole(results, tmp_path, said.append, **how) == page
        assert any("| maml" in it for it in said)
        assert said[-1].startswith("\nOn sinusoid with 5 shots")
        return page.stat().st_mtime_ns != before

    assert write(figures=False)
    assert drawings == []
    assert write()
    assert said[0].startswith("# Results of synthetic")
    assert said[1].startswith("drawing the figures")
    assert drawings == [True]
    assert not write()
    assert not write(figures=False)
    (tmp_path / "table.md").unlink()
    assert not write()  # it would be the same
    assert (tmp_path / "table.md").is_file()
    assert drawings == [True, True]
    (tmp_path / "matrix.json").write_text("{}")  # other results
    assert write(figures=False)
    assert not (tmp_path / "figures" / "error-against-steps.svg").exists()
    assert drawings == [True, True]


@pytest.mark.parametrize("lost", ["table.md", PAGE, "code"])
def test_figures_that_still_show_the_results_are_never_removed(
    make_results: Callable[..., Results],
    tmp_path: Path,
    drawings: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    lost: str,
) -> None:
    results = make_results(("maml", "mean"), shots=(5,), seeds=2)
    (tmp_path / "figures").mkdir()
    write_whole(results, tmp_path, lambda said: None)
    if lost == "code":
        monkeypatch.setattr(whole, "_code", lambda: "0" * 64)
    else:
        (tmp_path / lost).unlink()
    for _ in range(2):
        write_whole(results, tmp_path, lambda said: None, figures=False)
        assert (tmp_path / "figures" / "error-against-steps.svg").is_file()
    assert len(drawings) == 1
    assert (tmp_path / "table.md").is_file()
    assert (tmp_path / PAGE).is_file()


def test_a_page_is_drawn_again_only_where_something_has_changed(
    make_results: Callable[..., Results], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = make_results(("maml", "mean"), shots=(5,), seeds=2)
    times: list[bool] = []
    monkeypatch.setattr(figures, "drawn", lambda results: times.append(True) or iter(()))

    def drawn(results: Results = results) -> bool:
        times.clear()
        write_page_alone(results, tmp_path)
        assert (tmp_path / PAGE).is_file()
        return bool(times)

    assert drawn()
    assert not drawn()
    assert drawn(replace(results, damage=["a trial is damaged"]))
    (tmp_path / "matrix.json").write_text("{}")  # other results
    assert drawn()
    (tmp_path / PAGE).write_text((tmp_path / PAGE).read_text() + "edited")
    assert drawn()
    (tmp_path / PAGE).unlink()
    assert drawn()
    monkeypatch.setattr(whole, "_code", lambda: "another version")
    assert drawn()
    write_whole(results, tmp_path, lambda said: None, figures=False)
    assert (tmp_path / "table.md").is_file()  # a page alone is no whole report
    assert drawn()
