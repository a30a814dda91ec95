"""What reports say under transfer, unrelated and retention."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd
import pytest

from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.results import Results
from benchmarks.report.documents.index import findings, write_index
from benchmarks.report.figures.catalogue import pictures, write_figures
from benchmarks.report.scores.metrics import Metrics, declared_by
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import direction, score
from benchmarks.report.tables.write import make_table, render_table

Make = Callable[..., Results]
Gains = Mapping[tuple[str, int, str], list[float]]
"""By learner, steps and metric, the values of the tasks, the same for each seed."""

TRANSFER = {"kind": "transfer", "reference": {"name": "scratch"}}
UNRELATED = {"kind": "unrelated", "on": ["squares"], "reference": {"name": "scratch"}}
RETENTION = {"kind": "retention", "then": "squares", "reference": {"name": "scratch"}}


def under(results: Results, label: str, rules: Mapping[str, object], gains: Gains) -> Results:
    """The same results as if of another protocol, with its metrics among the scores."""
    rows = [
        {**key, "shots": 5, "steps": steps, "task": task, "metric": metric, "value": value}
        for (learner, steps, metric), values in gains.items()
        for key in results.trials.loc[
            (results.trials["learner"] == learner) & (results.trials["status"] == "done"),
            ["trial", "family", "protocol", "learner", "seed", "privileged"],
        ].to_dict("records")
        for task, value in enumerate(values)
    ]
    scores = pd.concat([results.scores, pd.DataFrame(rows)], ignore_index=True)
    frames = {
        name: getattr(results, name).replace({"protocol": {"few_shot": label}})
        for name in ("trials", "history", "curves", "diagnostics")
    }
    return replace(
        results,
        **frames,
        scores=scores.replace({"protocol": {"few_shot": label}}),
        protocols={label: {"label": label, "split": "test", **rules}},
    )


def make(make_results: Make, *, steps: tuple[int, ...] = (0, 1, 10), **more: object) -> Results:
    return make_results(["reml", "maml", "scratch"], tasks=8, shots=(5,), steps=steps, **more)


def transfer(make_results: Make) -> Results:
    steps = tuple(range(101))
    gains = {
        ("reml", 100, "jumpstart"): [3.0, 3.0, 1.0, 1.0] * 2,
        ("maml", 100, "jumpstart"): [1.0, 1.0, -1.0, -1.0] * 2,
        ("scratch", 100, "jumpstart"): [0.0] * 8,
        ("reml", 100, "area"): [0.5] * 8,
        ("maml", 100, "area"): [1.5] * 8,
        ("scratch", 100, "area"): [3.5] * 8,
        ("reml", 100, "steps_to_threshold"): [1.0, 2.0, 1.0, 2.0] * 2,
        ("maml", 100, "steps_to_threshold"): [5.0, 6.0, 5.0, 6.0] * 2,
        ("scratch", 100, "steps_to_threshold"): [100.0, 101.0, 100.0, 101.0] * 2,
    }
    return under(make(make_results, steps=steps), "transfer", TRANSFER, gains)


def retention(make_results: Make) -> Results:
    gains = {
        (learner, steps, metric): values
        for steps in (0, 1, 10)
        for learner, metric, values in (
            ("reml", "before", [0.2] * 8),
            ("reml", "then", [0.4] * 8),
            ("reml", "backward", [-0.5, -0.7, -0.5, -0.7] * 2),
            ("reml", "forward", [1.5] * 8),
            ("maml", "before", [0.3] * 8),
            ("maml", "then", [0.6] * 8),
            ("maml", "backward", [0.1, -0.1, 0.1, -0.1] * 2),
            ("maml", "forward", [-1.0] * 8),
        )
    }
    return under(make(make_results), "retention: squares", RETENTION, gains)


def unrelated(make_results: Make, values: list[float]) -> Results:
    gains = {
        (learner, steps, "vs_scratch"): own
        for steps in (0, 1, 10)
        for learner, own in (("reml", values), ("maml", [0.5] * 8), ("scratch", [0.0] * 8))
    }
    return under(make(make_results), "unrelated: squares", UNRELATED, gains)


def lines_of(text: str, learner: str, column: str) -> list[list[str]]:
    """A learner's row in each of the Markdown tables that have such a column."""
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for header, *lines in tables
        if column in header
        for line in lines
        if line.startswith(f"| {learner} ")
    ]


def test_the_tables_of_transfer(make_results: Make) -> None:
    results = transfer(make_results)
    text = render_table(results, "md")
    header = next(line for line in text.splitlines() if "0 steps" in line)
    shown = [cell.strip() for cell in header.strip("|").split("|")]
    assert shown == [
        "learner",
        *("0 steps", "1 step", "2 steps", "5 steps", "10 steps", "20 steps", "50 steps"),
        *("100 steps", "seeds", "tasks"),
    ]
    (row,) = lines_of(text, "reml", "jumpstart")
    assert row[1].startswith("**2.00** [")
    assert row[2:] == ["**0.50** [0.50, 0.50]", "**1.50** [1.05, 1.95]", "2", "8"]
    assert "A task where it never is counts 101, so such a mean is a lower bound" in text
    assert "From scratch means: what" in text
    table = make_table(results)
    assert 20 <= table["steps"].nunique() <= 35
    assert {0, 1, 2, 5, 10, 20, 50, 100} <= set(table["steps"])
    assert set(table.loc[table["metric"] == "area", "steps"]) == {100}
    assert table["seeds"].all()


def test_the_tables_of_retention(make_results: Make) -> None:
    text = render_table(retention(make_results), "md")
    assert "sinusoid, before" in text
    assert "negative number is forgetting" in text
    rows = lines_of(text, "reml", "backward transfer")
    assert len(rows) == 3  # after 0, 1 and 10 steps
    assert rows[-1][1] == "**0.20** [0.20, 0.20]"
    assert rows[-1][3].startswith("−0.60 [−0.69, −0.51]")
    assert rows[-1][4:6] == ["**0.40** [0.40, 0.40]", "**1.50** [1.50, 1.50]"]
    others = lines_of(text, "scratch", "backward transfer")
    (scratch,) = {tuple(it[1:2] + it[3:6]) for it in others}
    assert scratch == ("–",) * 4


def test_the_tables_of_unrelated(make_results: Make) -> None:
    text = render_table(unrelated(make_results, [-1.0, -2.0, -1.0, -2.0] * 2), "md")
    assert "Trained on sinusoid, tested on squares." in text
    assert "0 is as good as scratch, −1 a tenth of its MSE; lower is better" in text
    row = lines_of(text, "reml", "10 steps")[2]
    assert row[1] == "**−1.50** [−1.95, −1.05]"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            [-1.0, -2.0, -1.0, -2.0] * 2,
            "better than from scratch: `reml`; worse than from scratch: `maml`.",
        ),
        ([1.0, 2.0, 1.0, 2.0] * 2, "mean, worse than from scratch: `reml` and `maml`."),
        ([-1.0, 1.0, -1.0, 1.0] * 2, "not told apart from scratch: `reml`."),
    ],
)
def test_findings_against_scratch_go_by_the_interval(
    make_results: Make, values: list[float], said: str
) -> None:
    text = " ".join(findings(summarise(unrelated(make_results, values))))
    assert said in text


def test_findings_of_retention_and_transfer(make_results: Make) -> None:
    text = " ".join(findings(summarise(retention(make_results))))
    assert "worse at sinusoid after carrying on with squares, which is forgetting: `reml`" in text
    assert "not told apart at sinusoid from before carrying on with squares: `maml`" in text
    assert "ahead of scratch on squares before training on it: `reml`" in text
    assert "behind scratch on squares before training on it: `maml`" in text
    assert "`reml` has the lowest mean MSE on the second family, 0.40" in text
    assert "has the lowest mean MSE on sinusoid in the end, " in text
    text = " ".join(findings(summarise(transfer(make_results))))
    assert "`reml` has the lowest mean area under the curve, MSE, 0.50" in text
    assert "`reml` has the lowest mean steps to threshold, 1.50" in text


def test_figures_and_index(make_results: Make, tmp_path) -> None:
    both = [unrelated(make_results, [-1.0, -2.0, -1.0, -2.0] * 2), retention(make_results)]
    trials = pd.concat(
        [it.trials.assign(trial=it.trials["trial"] + str(i)) for i, it in enumerate(both)]
    )
    scores = pd.concat(
        [it.scores.assign(trial=it.scores["trial"] + str(i)) for i, it in enumerate(both)]
    )
    results = replace(
        both[0], trials=trials, scores=scores, protocols=both[0].protocols | both[1].protocols
    )
    stems = {picture.stem for picture in pictures(results)}
    written = {path.stem for path in write_figures(results, tmp_path)}
    for stem in ("against-scratch-sinusoid-unrelated", "retention-sinusoid-retention-squares"):
        assert stem in stems
        assert stem in written
    # trainings that protocols share are drawn once
    assert len([stem for stem in stems if stem.startswith("training-curves-")]) == 1
    text = write_index(results, tmp_path).read_text(encoding="utf-8")
    assert "Tested on sinusoid after carrying on with squares." in text
    assert "### Backward and forward transfer, sinusoid, retention: squares" in text
    # who was in no retention trial has no point in its figure, and breaks nothing
    render_table(results, "latex")


def test_every_cell_says_that_trials_are_missing(make_results: Make) -> None:
    gains = {(learner, 10, "vs_scratch"): [0.5] * 8 for learner in ("reml", "maml", "scratch")}
    results = under(make(make_results, failed=[("maml", 1)]), "unrelated: it", UNRELATED, gains)
    text = render_table(results, "md").partition("log10(")[2]
    whole, part = (
        next(line for line in text.splitlines() if line.startswith(f"| {name} "))
        for name in ("reml", "maml")
    )
    assert "⚠" not in whole
    assert "⚠ 0.50 [0.50, 0.50] § (1 of 2)" in part


def test_what_cannot_be_is_no_missing_trial(make_results: Make) -> None:
    results = make(make_results)
    mine = results.trials["learner"] == "maml"
    trials = results.trials.assign(
        status=results.trials["status"].where(~mine, "cannot"),
        reason=results.trials["reason"].where(~mine, "needs slope, which squares does not tell"),
    )
    scores = results.scores[results.scores["learner"] != "maml"]
    results = replace(results, trials=trials, scores=scores)
    text = render_table(results, "md")
    assert lines_of(text, "maml", "0 steps")[0] == ["maml", *["cannot"] * 3, "–", "–"]
    assert "- maml cannot take part: needs slope, which squares does not tell." in text
    assert "⚠" not in text
    said = " ".join(findings(summarise(results)))
    assert "Not ranked on sinusoid: `maml` (cannot)." in said


def test_metrics_have_a_direction_and_a_unit() -> None:
    registry, degrees = Registry(), {"metric": "rmse", "unit": "°C", "target": "t"}
    transfer_, retention_ = (
        Metrics(degrees, declared_by({"kind": kind}, registry))
        for kind in ("transfer", "retention")
    )
    of_classes = replace(retention_, problem={"metric": "accuracy"})
    assert [
        it
        for it in ("jumpstart", "area", "vs_scratch", "steps_to_threshold", "accuracy_area")
        if transfer_.higher_is_better(it)
    ] == ["jumpstart", "accuracy_area"]
    assert [
        it
        for it in ("before", "backward", "then", "forward", "rmse")
        if retention_.higher_is_better(it)
    ] == ["backward", "forward"]
    assert direction("accuracy_vs_scratch") == "higher is better"
    assert score(0.125, "accuracy_jumpstart") == "12.5"
    assert score(0.125, "jumpstart") == "0.12"
    assert of_classes.called("accuracy_backward") == "backward transfer, accuracy in %"
    assert retention_.called("before") == "RMSE of t in °C before the second family"
    assert retention_.called("then") == "RMSE in °C on the second family"
    assert transfer_.called("steps_to_threshold") == "steps to threshold"
    assert transfer_.within("jumpstart") == (-math.inf, math.inf)
    assert of_classes.within("accuracy_then") == (0.0, 1.0)


def test_a_protocol_nobody_knows_is_read_by_what_was_kept_of_it() -> None:
    metric = {"name": "gap", "meaning": "a gap", "called": "gap, $own", "unit": "difference"}
    kept = {"kind": "nobodys", "declares": {"metrics": [{**metric, "better": "higher"}]}}
    metrics = Metrics({"metric": "mse"}, declared_by(kept, Registry()))
    assert metrics.called("gap") == "gap, MSE"
    assert metrics.higher_is_better("gap")
    assert not Metrics({}, declared_by({"kind": "nobodys"}, Registry())).higher_is_better("gap")
