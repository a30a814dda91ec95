"""The table of predictive distributions, and its rows in table.csv."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from benchmarks.harness.store.results import Results
from benchmarks.report.tables.write import make_table, render_table

VALUES = {"nll": 1.25, "crps": 0.5, "coverage_90": 0.9, "width_90": 3.5}


def sure(results: Results) -> Results:
    """Reml says itself how sure it is, maml does not, and nobody knows of mean."""
    own = results.scores[results.scores["metric"] == "mse"]
    own = own[own["learner"].isin(["reml", "maml"])].astype({"metric": object})
    worse = (own["learner"] == "maml").astype(float)
    more = [own.assign(metric=it, value=value + worse / 100) for it, value in VALUES.items()]
    scores = pd.concat([results.scores.astype({"metric": object}), *more], ignore_index=True)
    spread = results.trials["learner"].map({"reml": "own", "maml": "residual", "mean": ""})
    return replace(results, scores=scores, trials=results.trials.assign(spread=spread))


def test_it_has_a_table_of_its_own(make_results: Callable[..., Results]) -> None:
    results = sure(make_results(("reml", "maml", "mean"), seeds=2))
    text = render_table(results, "md")
    (table, *_) = text.split("How sure predictions are, after 10 steps")[1].split("\n\nPaired")
    rows = {line.split("|")[1].strip(): line for line in table.splitlines() if "|" in line}
    assert "**1.25**" in rows["reml"]
    assert rows["reml"].rstrip(" |").endswith("its own")
    assert rows["maml"].rstrip(" |").endswith("of its errors")
    assert "1.26" in rows["maml"]
    assert "**" not in "".join(rows["reml"].split("|")[4:])  # neither coverage nor width is ranked
    assert "≈" not in "".join(rows["maml"].split("|")[4:])
    assert set(rows["mean"].split("|")[2:6]) != {""}
    csv = make_table(results)
    found = csv[(csv["learner"] == "reml") & (csv["metric"] == "coverage_90")]
    assert found["mean"].tolist() == pytest.approx([0.9] * 8)


def test_old_results_have_none(make_results: Callable[..., Results]) -> None:
    results = make_results(("reml", "maml", "mean"), seeds=2)
    assert "How sure" not in render_table(results, "md")
