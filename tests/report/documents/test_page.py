"""report.html as text: whole, escaped, with ids of its own, and needing nothing from elsewhere."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from markupsafe import escape

from benchmarks.harness.store.results import Results
from benchmarks.report.documents.page import inlay, write_page
from benchmarks.report.documents.page.colours import DARK_PAPER, contrast, on_dark
from benchmarks.report.documents.page.document import render
from benchmarks.report.documents.page.prose import prose
from benchmarks.report.documents.page.trials import again, trial_sheet, trials
from benchmarks.report.figures.catalogue import drawn
from benchmarks.report.figures.drawing.look import looks
from benchmarks.report.figures.drawing.style import panels
from benchmarks.report.figures.view import Picture
from benchmarks.report.findings.verdict import costs, verdicts
from benchmarks.report.scores.summary import summarise
from benchmarks.report.tables.catalogue import all_sections

Make = Callable[..., Results]
Records = Callable[[Results], list[dict[str, object]]]
HOSTILE = '<script>alert("1")</script> & "quoted"'
VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    """Tags in order, ids, headings and links; unbalanced tags are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def values(self, attribute: str) -> list[str]:
        return [it[attribute] or "" for _, it in self.tags if attribute in it]


@pytest.fixture(scope="module")
def results(make_results: Make) -> Results:
    return make_results(
        ["reml", "maml", "oracle", "mean"], tasks=20, failed=[("mean", 1)], diagnostics=True
    )


@pytest.fixture(scope="module")
def text(results: Results, records: Records) -> str:
    inlays = [inlay(*it) for it in drawn(results)]
    return render(results, records(results), inlays)


def test_the_page_has_every_table_figure_and_trial(results: Results, text: str) -> None:
    comparisons = summarise(results)
    sections = [*all_sections(results), verdicts(comparisons)]
    assert len(sections) > 4
    for section in sections:
        assert f">{escape(section.heading)}</h" in text
        for sheet in section.sheets:
            assert f"<caption><span>{escape(sheet.caption)}</span></caption>" in text
            for row in sheet.rows:
                for entry in row:
                    assert str(escape(entry.text)) in text
                    assert str(escape(entry.detail)) in text
    stems = [picture.stem for picture, _ in drawn(results)]
    assert len(stems) > 6
    assert re.findall(r'<figure id="figure-([^"]+)"', text) == stems
    for trial in results.trials["trial"]:
        assert f'<details class="trial" id="{trial}"' in text
        assert f"reml run synthetic --force --only {trial}</code>" in text
    assert "Diverged: query_loss became nan" in text
    assert "Traceback: line 1" in text
    assert "⚠ 1 of 8 trials failed" in text
    assert text.count('<p class="reason">') == 1
    assert "<dt>†</dt>" in text
    assert "<dt>⚠</dt>" in text
    assert "<dt>‡</dt>" not in text


def test_who_could_not_win_is_said_beside_who_won(results: Results, text: str) -> None:
    remarks = verdicts(summarise(results)).remarks
    assert remarks == (
        "Not ranked for seeing what the others may not: oracle †.",
        "Not ranked for missing trials: mean.",
    )
    summary = text.partition("<main>")[2].partition('<ul class="findings">')[0]
    assert all(str(escape(remark)) in summary for remark in remarks)


def test_ids_are_unique_and_every_reference_has_its_target(text: str) -> None:
    page = Page(text)
    ids = page.values("id")
    assert [it for it, n in Counter(ids).items() if n > 1] == []
    inner = [it[1:] for it in page.values("href") if it.startswith("#")]
    clips = re.findall(r"url\(#([^)]+)\)", text)
    assert len(inner) > 20
    assert len(clips) > 20
    labelled = [*page.values("aria-labelledby"), *page.values("aria-describedby")]
    assert set(inner) | set(clips) | set(labelled) <= set(ids)


def test_nothing_is_fetched(text: str) -> None:
    page = Page(text)
    assert page.values("src") == []
    targets = [it for it in page.values("href") if not it.startswith(("#", "data:"))]
    assert targets == []
    assert re.findall(r"https?://|@import|url\((?!#)", text) == []
    assert not any(tag in ("iframe", "object", "embed") for tag, _ in page.tags)


def test_headings_are_in_order_and_tables_are_tables(text: str) -> None:
    page = Page(text)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert text.count("<table>") == text.count("<caption>") > 6
    scopes = [it.get("scope") for tag, it in page.tags if tag == "th"]
    assert set(scopes) == {"row", "col"}
    drawings = [it for tag, it in page.tags if it.get("role") == "img"]
    assert all(len(it["aria-label"] or "") > 30 for it in drawings)
    assert dict(page.tags[0][1])["lang"] == "en"


def test_labels_are_text_wherever_they_stand(make_results: Make, records: Records) -> None:
    plain = make_results(["reml", "maml"], tasks=5, shots=(5,), diagnostics=True)

    def renamed(frame):
        return frame.assign(learner=frame["learner"].replace("maml", HOSTILE))

    hostile = replace(
        plain,
        name=HOSTILE,
        title=HOSTILE,
        order=("reml", HOSTILE),
        settings={},
        **{
            name: renamed(getattr(plain, name))
            for name in ("trials", "scores", "history", "curves", "diagnostics")
        },
    )
    inlays = [inlay(*it) for it in drawn(hostile)]
    text = render(hostile, records(hostile), inlays)
    assert "<script>alert" not in text
    assert str(escape(HOSTILE)) in text
    assert [tag for tag, _ in Page(text).tags].count("script") == 1


def test_the_page_is_written_whole_and_small(
    results: Results, records: Records, text: str, tmp_path
) -> None:
    path = write_page(results, records(results), [], tmp_path)
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert len(text.encode()) < 2_000_000


def test_a_large_figure_becomes_smaller() -> None:
    with looks():
        figure, axes = panels(1, 1, 4, 3)
        at = np.linspace(0, 1000, 6_000)  # drawn one by one, 3 MB
        axes[0][0].scatter(at, np.sin(at), s=1 + at / 1000)
        found = inlay(Picture("many", "Many points", "", lambda: figure), figure)
    assert found.rastered
    assert len(found.svg) < 400_000
    assert "<text" in found.svg


def test_many_dots_stay_drawn_and_small(make_results: Make) -> None:
    results = make_results(["reml", "reml-random"], tasks=600, shots=(5,), diagnostics=True)
    found = {it.stem: it for it in (inlay(*one) for one in drawn(results))}
    dots = found["compositions"]
    assert len(re.findall(r"M[\d.]+ [\d.]+h0", dots.svg)) >= 600
    assert not dots.rastered
    assert len(dots.svg) < 300_000
    assert "<text" in dots.svg
    assert not found["error-against-steps"].rastered


def test_prose_is_text_but_for_code() -> None:
    assert prose(r"`a<b` has 1\*2 <i> [1, 2]") == "<code>a&lt;b</code> has 1*2 &lt;i&gt; [1, 2]"
    assert prose("`` a`b ``!") == "<code>a`b</code>!"
    assert prose("one ` alone") == "one ` alone"


def test_colours_keep_their_contrast_on_dark_paper() -> None:
    assert contrast("000000", "ffffff") == 21
    assert on_dark("ffffff") == DARK_PAPER
    for colour in ("0072b2", "d55e00", "e69f00", "4d4d4d", "332288", "262626"):
        assert contrast(on_dark(colour), DARK_PAPER) > 3
    tint, full = "b3d4e8", "0072b2"
    assert contrast(on_dark(tint), DARK_PAPER) < contrast(on_dark(full), DARK_PAPER)


def test_a_trial_is_made_again_with_what_it_had() -> None:
    command = "reml run my.toml --jobs 4 --plugin 'my learner.py' --only x --out elsewhere --force"
    record = {"trial": "a-s0-1", "provenance": {"command": command}}
    assert again(record, "mine") == (
        "reml run my.toml --plugin 'my learner.py' --force --only a-s0-1"
    )
    assert again({"trial": "a", "provenance": None}, "mine") == "reml run mine --force --only a"


def test_what_cannot_be_is_a_trial_of_its_own() -> None:
    known = {"learner": "a", "family": "b", "protocol": "c", "seed": 0}
    records = [
        {**known, "trial": status, "status": status, "reason": why}
        for status, why in (("done", None), ("cannot", "needs x"), ("missing", None))
    ]
    shown = trials(records, "mine")
    assert [it.status for it in shown] == ["⚠ not run", "cannot be", "done"]
    assert [it.reason for it in shown] == ["", "needs x", ""]
    assert [row[4].text for row in trial_sheet(records).rows] == ["done", "cannot be", "⚠ not run"]


def test_costs_name_who_won_and_the_cheapest(make_results: Make) -> None:
    results = make_results(["maml", "reml", "fine_tuning", "scratch"], tasks=30, shots=(5,))
    (sentence,) = costs(summarise(results))
    assert sentence.startswith(
        "Meta-training on sinusoid, the median over seeds: `reml` drew 200,000 tasks of "
        "4,000,000 labelled points and took 2.50 seconds of one processor; `maml` drew 200,000"
    )
    assert "`fine_tuning` drew" in sentence
    assert "scratch" not in sentence


def test_the_verdict_says_told_apart_only_where_the_interval_does(make_results: Make) -> None:
    results = make_results(["reml", "maml", "mean"], tasks=60, shots=(5,), seeds=5)
    ((on, best, _, following, behind, apart),) = verdicts(summarise(results)).sheets[0].rows
    assert on.text == "MSE, sinusoid, 5 shots, 10 steps"
    assert (best.text, following.text, apart.text) == ("reml", "maml", "yes, from all")
    low = float(json.loads(behind.detail)[0])
    assert low > 0
    mine = results.scores["learner"] == "maml"
    reml = results.scores[results.scores["learner"] == "reml"]["value"].to_numpy()
    values = results.scores["value"].copy()
    values[mine] = reml * (1 + 0.1 * (1 - 2 * (results.scores[mine]["task"].to_numpy() % 2)))
    close = replace(results, scores=results.scores.assign(value=values))
    ((*_, behind, apart),) = verdicts(summarise(close)).sheets[0].rows
    low, high = json.loads(behind.detail.replace("−", "-"))
    assert low <= 0 <= high
    assert apart.text.startswith("no, not from ")
