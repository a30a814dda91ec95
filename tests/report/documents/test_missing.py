"""A third of the trials is missing or failed: each number that rests on fewer seeds says so."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.harness.store.results import Results
from benchmarks.report.documents.index import write_index
from benchmarks.report.figures.catalogue import write_figures
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import seeds_warning
from benchmarks.report.statistics import Coverage
from benchmarks.report.tables.layout import Entry, marked
from benchmarks.report.tables.pairs import make_pairs
from benchmarks.report.tables.write import make_table, render_table, write_table

Make = Callable[..., Results]
LEARNERS = ("reml-random", "reml", "maml", "mean")
MARKED = re.compile(r"⚠ [−\d.,]+( \[[−\d., ]+\])? \(2 of 3\)")
COUNTS = {"shots", "seeds", "tasks"}


@pytest.fixture(scope="module")
def patchy(make_results: Make) -> Results:
    """12 trials, of which 4 are not there: reml has 2 of 3 seeds, maml none."""
    return make_results(
        LEARNERS,
        seeds=3,
        tasks=20,
        families=["table"],
        diagnostics=True,
        failed=[("reml", 1), ("maml", 0)],
        missing=[("maml", 1), ("maml", 2)],
    )


@pytest.fixture(scope="module")
def whole(make_results: Make) -> Results:
    return make_results(LEARNERS, seeds=3, tasks=20, families=["table"], diagnostics=True)


@pytest.fixture(scope="module")
def patchy_index(patchy: Results, tmp_path_factory: pytest.TempPathFactory) -> str:
    return index_of(patchy, tmp_path_factory.mktemp("patchy"))


@pytest.fixture(scope="module")
def whole_index(whole: Results, tmp_path_factory: pytest.TempPathFactory) -> str:
    return index_of(whole, tmp_path_factory.mktemp("whole"))


def tables_of(text: str) -> list[list[list[str]]]:
    """Every Markdown table as rows of cells, the header first."""
    tables: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            tables[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif tables[-1]:
            tables.append([])
    return [rows[:1] + rows[2:] for rows in tables if rows]


def rows_of(text: str, learner: str) -> list[dict[str, str]]:
    return [
        dict(zip(table[0], row, strict=True))
        for table in tables_of(text)
        for row in table[1:]
        if row[0] == learner
    ]


def index_of(results: Results, directory: Path) -> str:
    write_table(results, directory)
    return write_index(results, directory).read_text(encoding="utf-8")


def test_every_number_of_a_learner_with_seeds_missing_says_so(patchy_index: str) -> None:
    rows = rows_of(patchy_index, "reml")
    marks = 0
    for row in rows:
        for column, cell in row.items():
            if column in COUNTS | {"learner"}:
                continue
            if "minus" in column:
                assert cell == "⚠ 2 of 3 seeds"
            elif cell != "–":
                assert MARKED.fullmatch(cell), (column, cell)
                marks += 1
        if "seeds" in row:
            assert row["seeds"] == "⚠ 2 of 3 seeds"
    shots, scored, spent, cost, decided = 2, 3 * 4 + 1, 6, 4, 5
    assert marks == shots * (scored + decided) + spent + cost


def test_a_learner_without_any_trial_has_no_number_at_all(patchy_index: str) -> None:
    rows = rows_of(patchy_index, "maml")
    assert len(rows) == 2 * 4 + 2
    for row in rows:
        numbers = {cell for column, cell in row.items() if column not in COUNTS | {"learner"}}
        assert numbers <= {"failed", "⚠ failed", "–"}
        assert row.get("seeds", "0 of 3") == "0 of 3"


def test_complete_learners_are_shown_as_if_nothing_were_missing(
    patchy_index: str, whole_index: str
) -> None:
    for learner in ("reml-random", "mean"):
        pairs = zip(
            rows_of(patchy_index, learner),
            rows_of(whole_index, learner),
            strict=True,
        )
        for got, expected in pairs:
            assert "⚠" not in "".join(got.values())
            if not any("minus" in column for column in got):  # another baseline
                plain, other = (
                    [cell.replace("**", "").replace(" ≈", "") for cell in row.values()]
                    for row in (got, expected)
                )
                assert plain == other  # who is best may be another


def test_nothing_is_marked_where_nothing_is_missing(whole: Results, whole_index: str) -> None:
    assert "⚠" not in whole_index
    assert " of 3)" not in render_table(whole, "md")


def test_the_incomplete_are_neither_bold_nor_compared(patchy: Results) -> None:
    text = render_table(patchy, "md")
    assert "**" not in "".join("".join(row.values()) for row in rows_of(text, "reml"))
    pairs = make_pairs(summarise(patchy)).set_index("learner")
    assert set(pairs["against"]) == {"reml-random"}
    assert pairs.loc[["reml", "maml", "reml-random"], "difference"].isna().all()
    assert pairs.loc["mean", "difference"].notna().all()
    assert pairs.loc["maml", "gap"].isna().all()
    assert set(pairs.loc["reml", "seeds"]) == {2}
    assert set(pairs["planned"]) == {3}


def test_machines_see_how_many_seeds_were_planned(patchy: Results) -> None:
    table = make_table(patchy)
    seeds = {"reml-random": 3, "reml": 2, "maml": 0, "mean": 3}
    assert table.groupby("learner")["seeds"].unique().map(list).to_dict() == {
        label: [n] for label, n in seeds.items()
    }
    assert set(table["planned"]) == {3}


def test_latex_marks_the_same_cells(patchy: Results) -> None:
    lines = [line for line in render_table(patchy, "latex").splitlines() if "reml &" in line]
    scored = [line for line in lines if "[" in line]
    assert len(scored) == 2 * 4  # three averages and the gap
    for line in scored:
        cells = line.split(" & ")[1:]
        for cell in cells:
            if "[" in cell:
                assert cell.startswith(r"$\triangle$ ")
                assert "(2 of 3)" in cell


def test_figures_say_so_in_their_legend(patchy: Results, tmp_path) -> None:
    write_figures(patchy, tmp_path)
    for name in ("error-against-steps", "error-against-shots", "performance-profiles"):
        svg = (tmp_path / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        assert "<!-- reml (⚠ 2 of 3 seeds) -->" in svg, name


def test_a_mark_by_hand() -> None:
    entry = Entry("0.12", detail="[0.10, 0.14]")
    assert marked(entry, Coverage(2, 3)) == Entry("⚠ 0.12", detail="[0.10, 0.14] (2 of 3)")
    assert marked(Entry("7"), Coverage(2, 3)) == Entry("⚠ 7", detail="(2 of 3)")
    assert marked(entry, Coverage(3, 3)) is entry
    assert marked(Entry("–"), Coverage(2, 3)) == Entry("–")


def test_that_one_learner_lost_a_seed_is_no_run_of_one_seed(
    make_results: Callable[..., Results],
) -> None:
    comparisons = summarise(make_results(("reml", "maml", "mean"), failed=(("maml", 1),)))
    said = seeds_warning(comparisons)
    assert said.startswith("§ of these weights: maml has one seed left of several")
    assert "no verdict" not in said
    alone = seeds_warning(summarise(make_results(("reml", "maml"), seeds=1)))
    assert "There is no p and no verdict" in alone
