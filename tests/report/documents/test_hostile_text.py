"""Whatever a label, a column or an exception says comes out literally, on one line, or cut."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from benchmarks.harness.outlook.status import status_text
from benchmarks.harness.store.printable import clean, clean_records
from benchmarks.harness.store.results import Results
from benchmarks.report.documents.page.prose import prose
from benchmarks.report.scores.markup import escape
from benchmarks.report.tables.forms import latex
from benchmarks.report.tables.layout import Entry, Section, Sheet
from benchmarks.report.tables.write import render_table

Make = Callable[..., Results]
HOSTILE = [
    "a`b", "``", "a|b", "[a](javascript:alert(1))", "![a](http://x)", "[a][b]", "<script>alert(1)",
    "$x^2$", "\\cmd", "_a_", "a_b", "&lt;", "&#106;", "# head", "head #", "50 %", "~~a~~", "{x}",
    "- item", "1. item", "--", "[2] x", "* x",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_it_literally(text: str) -> None:
    escaped = escape(text)
    assert str(prose(escaped)) == str(prose("").__class__.escape(text))  # as report.html reads it
    bare = re.sub(r"\\[^\w\s]", "", escaped)
    assert not re.search(r"[|*<>`~$]|\]\(|\]\[|(?<!&)#$|^#(?!106)|^- |^\d+\.", bare)


@pytest.mark.parametrize("text", HOSTILE)
def test_latex_shows_it_literally(text: str) -> None:
    escaped = latex.escape(text)
    bare = re.sub(
        r"\\(text\w+|char34)(\{\})?|\\[&%$#_{}]|\$\^?\{?\\?\w+\$|\{\[\}|\{\*\}", "", escaped
    )
    assert not re.search(r"[\\&%$#_~^`<>|]|--|^[\[*]", bare)


def test_code_in_captions_is_code_and_a_labels_backtick_is_not() -> None:
    sheet = Sheet("of `x", ("a", "b"), ((Entry("a`b"), Entry("[1]")),))
    text = latex.render("Matrix `m_1`.", "How.", (Section("a`b", (sheet,)),))
    assert r"a\textasciigrave{}b & {[}1]" in text
    assert r"Matrix \texttt{m\_1}." in text
    assert "`" not in text


def hostile(make_results: Make) -> Results:
    results = make_results(["maml", "fine_tuning"], tasks=5)
    trials = results.trials.copy()
    trials["reason"] = trials["reason"].astype(object)
    trials.loc[0, ["status", "reason"]] = [
        "failed",
        "\x1b[31mred\x1b]0;title\x07\nmore" + "x" * 10**7,
    ]
    trials["problem"] = [
        {**problem, "target": "t\x00emp\n(°C)", "unit": "\u202e°C"} for problem in trials["problem"]
    ]
    records = [{str(key): it for key, it in row.items()} for row in trials.to_dict("records")]
    return replace(results, trials=trials, records=records, title="a\x1b[2Jb")


def test_nothing_of_an_exception_reaches_the_terminal_but_a_line(make_results: Make) -> None:
    results = clean(hostile(make_results))
    text = status_text(results)
    trial = results.trials["trial"][0]
    assert max(map(len, text.splitlines())) < 600
    assert text.replace("\n", "").isprintable()
    assert f"(more in trials/{trial}: trial.json or output.txt)" in text
    assert results.trials["problem"][0]["target"] == "t�emp (°C)"
    assert results.title == "ab"


@pytest.mark.parametrize("form", ["md", "csv", "latex"])
def test_tables_hold_no_control_characters(make_results: Make, form: str) -> None:
    text = render_table(clean(hostile(make_results)), form)
    assert text.replace("\n", "").isprintable()
    assert len(text) < 20_000


def test_clean_results_stay_what_they_are(make_results: Make) -> None:
    results = make_results(["maml", "maml (first_order)", "oracle"], tasks=5)
    cleaned = clean(results)
    assert cleaned.order == results.order
    assert cleaned.scores.equals(results.scores)
    assert cleaned.trials.drop(columns="reason").equals(results.trials.drop(columns="reason"))


def test_records_are_cut_and_keep_both_ends_of_a_traceback() -> None:
    record = {
        "trial": "t",
        "reason": "x" * 10**7,
        "traceback": "Traceback\n" + "y\x1b[1m\x00\ud800" * 10**6 + "\nValueError: end",
        "learner": "a\x07b",
        "provenance": {"versions": {"torch": "2\u200b"}, "dirty": False},
        "seed": 3,
    }
    cleaned = clean_records([record])[0]
    assert len(json.dumps(cleaned)) < 100_000
    assert cleaned["traceback"].startswith("Traceback\ny")
    assert cleaned["traceback"].endswith("\nValueError: end")
    assert "\x1b" not in cleaned["traceback"]
    assert (cleaned["learner"], cleaned["seed"]) == ("a�b", 3)
    ElementTree.fromstring(f"<p>{cleaned['traceback'].replace('<', '')}</p>")
