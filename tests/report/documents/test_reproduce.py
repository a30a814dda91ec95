"""Our results beside published numbers; what a learner is comes from the specs of its trials."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.harness.store.results import Results
from benchmarks.report.documents.against_papers import Finding, findings
from benchmarks.report.documents.reproduce import COLUMNS, make_reproduce, write_reproduce

Make = Callable[..., Results]
SINUSOID = {
    "amplitude_low": 0.1,
    "amplitude_high": 5.0,
    "phase_low": 0.0,
    "phase_high": 3.141592653589793,
    "x_range": 5.0,
    "noise": 0.0,
    "train_tasks": None,
    "task_seed": 0,
    "grid": None,
}
MAML = {
    "hidden": [40, 40],
    "inner_lr": 0.01,
    "meta_lr": 0.001,
    "meta_batch": 25,
    "train_steps": 1,
    "train_shots": 10,
    "train_queries": 10,
    "first_order": False,
}
CNN = MAML | {
    "network": "cnn4",
    "filters": 64,
    "pooling": "stride",
    "batch_norm": "transductive",
    "inner_lr": 0.4,
    "meta_batch": 32,
    "train_shots": 1,
}
OMNIGLOT = {"ways": 5, "split": "random", "rotations": "train", "split_seed": 0}
PROTONET = {
    "network": "cnn4",
    "filters": 64,
    "pooling": "max",
    "train_ways": None,
    "train_shots": 1,
    "train_queries": 5,
    "decay": "cosine",
}


def spec_of(
    learner: str,
    fields: dict[str, Any],
    *,
    family: str = "sinusoid",
    family_fields: dict[str, Any] = SINUSOID,
    split: str = "test",
    budget: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "family": {"name": family, "fields": family_fields},
        "learner": {"name": learner, "fields": fields},
        "protocol": {"split": split},
        "budget": budget or {"tasks": 1_750_000},
    }


def with_specs(results: Results, **specs: dict[str, Any]) -> Results:
    """The results of learners that are what `specs` says, by label."""
    known = [specs.get(label, {}) for label in results.trials["learner"]]
    return replace(results, trials=results.trials.assign(spec=known))


def scored(results: Results, value: float) -> Results:
    """The same with every score near one value."""
    spread = results.scores["task"].mod(2) * 0.02 - 0.01
    return replace(results, scores=results.scores.assign(value=value * (1 + spread)))


def classified(results: Results, value: float, ways: int = 5) -> Results:
    """The same as accuracies of a classification."""
    problem = [{"metric": "accuracy", "outputs": ways}] * len(results.trials)
    one = results.scores[results.scores["metric"] == "mse"].assign(metric="accuracy")
    trials = results.trials.assign(problem=problem)
    return scored(replace(results, trials=trials, scores=one), value)


def only(results: Results) -> list[Finding]:
    return list(findings(results))


def test_inside_and_outside_by_hand(make_results: Make) -> None:
    made = make_results(["reml"], tasks=20)
    for value, verdict, better in (
        (0.38, "inside", None),
        (0.36, "outside", True),
        (0.40, "outside", False),
    ):
        results = with_specs(scored(made, value), reml=spec_of("maml", MAML))
        one, five, ten = only(results)
        assert (five.steps, five.cell.value) == (5, "0.38")
        assert (five.verdict, five.better) == (verdict, better)
        assert five.deviations == five.essential == ()
        assert (one.shots, one.steps, ten.steps) == (5, 1, 10)


def test_labels_play_no_part(make_results: Make) -> None:
    made = make_results(["maml", "mean"], tasks=5)
    results = with_specs(made, maml=spec_of("mean", {}), mean=spec_of("maml", MAML))
    assert {it.entrant.label for it in only(results)} == {"mean"}
    assert only(made) == []  # nothing is recorded of what they are


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (spec_of("maml", MAML | {"hidden": [40] * 4}), "hidden layers: 40-40-40-40, not 40-40"),
        (
            spec_of("maml", MAML, family_fields=SINUSOID | {"grid": 100}),
            "grid that support points lie on: 100, not none",
        ),
        (spec_of("maml", MAML, split="validation"), "tasks scored: validation, not test"),
        (
            spec_of("maml", {k: v for k, v in MAML.items() if k != "hidden"}),
            "hidden layers: not recorded, not 40-40",
        ),
        (
            spec_of("maml", MAML | {"batch_norm": "support"}),
            "batch normalisation: support, not off",
        ),
    ],
)
def test_what_is_another_experiment_is_not_comparable(
    make_results: Make, spec: dict[str, Any], said: str
) -> None:
    for it in only(with_specs(make_results(["maml"], tasks=5), maml=spec)):
        assert it.verdict == "not comparable"
        assert it.essential == (said,)
        assert it.better is None


def test_what_else_differs_is_named_and_compared(make_results: Make) -> None:
    made = scored(make_results(["maml"], tasks=5, failed=[("maml", 1)]), 0.38)
    spec = spec_of("maml", MAML | {"inner_lr": 0.02}, budget={"tasks": 1_000})
    it = only(with_specs(made, maml=spec))[1]
    assert it.verdict == "inside"
    assert it.deviations == (
        "inner learning rate: 0.02, not 0.01",
        "training tasks: 1,000, not 1,750,000",
        "1 of 2 seeds",
    )
    timed = spec_of("maml", MAML, budget={"seconds": 3.0})
    assert only(with_specs(made, maml=timed))[1].deviations[0] == (
        "training tasks: 200,000, not 1,750,000"  # those it really had
    )


def test_fields_that_came_later_mean_what_was_before(make_results: Make) -> None:
    recorded = spec_of("maml", MAML)
    assert "network" not in recorded["learner"]["fields"]
    older = {k: v for k, v in SINUSOID.items() if k not in ("grid", "train_tasks")}
    for spec in (recorded, spec_of("maml", MAML, family_fields=older)):
        found = only(with_specs(make_results(["maml"], tasks=5), maml=spec))
        assert len(found) == 3
        assert all(it.essential == () for it in found)
    first_order = spec_of("maml", MAML | {"first_order": True})
    assert only(with_specs(make_results(["maml"], tasks=5), maml=first_order)) == []


def test_scored_after_other_steps_is_not_comparable(make_results: Make) -> None:
    made = make_results(["maml"], tasks=5, steps=(0, 5))
    one, five, _ = only(with_specs(made, maml=spec_of("maml", MAML)))
    assert one.essential == ("scored after 5 adaptation steps, not 1",)
    assert five.essential == ()


def test_classification_is_matched_by_ways_and_shots(make_results: Make) -> None:
    made = make_results(["reml", "mean"], tasks=20, shots=(1, 5), steps=(0, 3))
    spec = spec_of("maml", CNN, family="omniglot", family_fields=OMNIGLOT)
    found = only(with_specs(classified(made, 0.985), reml=spec))
    papers = [it for it in found if it.row.source == "finn2017"]
    assert [(it.cell.ways, it.cell.shots, it.steps) for it in papers] == [(5, 1, 3), (5, 5, 3)]
    assert [it.verdict for it in papers] == ["inside", "outside"]
    assert papers[1].better is False
    assert papers[0].deviations == ("training tasks: 1,750,000, not 1,920,000",)
    assert papers[1].deviations[0] == "training tasks: 1,750,000, not 1,920,000"
    assert papers[1].deviations[1] == "shots in training: 1, not 5"
    examples = [it for it in found if it.row.source == "learn2learn"]
    assert [it.essential for it in examples] == [("scored after 3 adaptation steps, not 1",)]
    apart = spec_of("maml", CNN | {"batch_norm": "support", "filters": 32}, family="omniglot")
    apart["family"]["fields"] = OMNIGLOT
    it = only(with_specs(classified(made, 0.985), reml=apart))[0]
    assert it.essential == ("batch normalisation: support, not transductive",)
    assert "filters: 32, not 64" in it.deviations


def test_methods_without_steps_are_compared_after_the_most(make_results: Make) -> None:
    made = make_results(["reml"], tasks=20, shots=(1,), steps=(0, 3))
    spec = spec_of("protonet", PROTONET, family="omniglot", family_fields=OMNIGLOT)
    results = with_specs(classified(made, 0.96, ways=20), reml=spec)
    (it,) = only(results)
    assert (it.cell.value, it.steps, it.verdict) == ("96.0", 3, "inside")
    assert "ways in training: none, not 60" in it.deviations
    assert "decay of the learning rate: cosine, not halving" in it.deviations


def test_what_is_written(make_results: Make, tmp_path: Path) -> None:
    made = scored(make_results(["maml", "fine_tuning", "scratch"], tasks=20), 0.38)
    text = write_reproduce(with_specs(made, maml=spec_of("maml", MAML)), tmp_path)
    assert (tmp_path / "reproduce.md").read_text(encoding="utf-8") == text
    assert "Of 3 pairs of a published number and a learner, 3 can be compared: 1 inside" in text
    assert "2 outside, 1 of them better." in text
    assert "table 2, https://arxiv.org/abs/1703.03400." in text
    row = next(line for line in text.splitlines() if "5 shots, 5 steps" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[0] == "maml"
    assert cells[2] == "0.38"
    assert cells[3].startswith("0.38 [0.3")
    assert cells[4:] == ["inside", "–"]
    assert "MetaFun, which is no contender here: 0.040 with 5 shots and 0.017 with 10" in text
    assert "as quoted elsewhere and not checked" in text
    table = pd.read_csv(tmp_path / "reproduce.csv")
    assert tuple(table.columns) == COLUMNS
    assert table["verdict"].tolist() == ["outside", "inside", "outside"]
    assert table["published_low"].tolist() == [0.665, 0.375, 0.345]


def test_percent_in_words_and_shares_in_the_file(make_results: Make, tmp_path: Path) -> None:
    made = make_results(["reml"], tasks=20, shots=(1,), steps=(0, 3))
    spec = spec_of("protonet", PROTONET, family="omniglot", family_fields=OMNIGLOT)
    results = with_specs(classified(made, 0.5), reml=spec)
    text = write_reproduce(results, tmp_path)
    assert "| 5-way 1-shot |    98.8 % | 50.0 [" in text
    assert "outside (worse)" in text
    table = make_reproduce(only(results))
    assert table["ours"].item() == pytest.approx(0.5)
    assert table["published"].item() == 0.988
    assert table["ways"].item() == 5
    assert table["better"].item() is False or not table["better"].item()


def test_where_nothing_is_published_a_sentence_says_so(make_results: Make, tmp_path: Path) -> None:
    made = make_results(["maml"], tasks=5)
    write_reproduce(with_specs(made, maml=spec_of("maml", MAML)), tmp_path)
    text = write_reproduce(with_specs(made, maml=spec_of("reml", {})), tmp_path)
    assert text.startswith("synthetic: no number is published for what it has; there are some for ")
    assert "maml on sinusoid" in text
    assert not list(tmp_path.glob("[!.]*"))


def test_a_learner_without_scores_is_not_compared(make_results: Make) -> None:
    made = make_results(["maml", "mean"], tasks=5, failed=[("maml", 0), ("maml", 1)])
    assert only(with_specs(made, maml=spec_of("maml", MAML))) == []


@pytest.mark.parametrize("lacking", ["seeds", "groups"])
def test_what_makes_no_verdict_is_not_outside(make_results: Make, lacking: str) -> None:
    made = make_results(["reml"], tasks=20, seeds=1 if lacking == "seeds" else 2)
    if lacking == "groups":
        groups = (made.scores["task"] % 4).astype(str)
        made = replace(made, scores=made.scores.assign(group=groups))
    near, far = (
        only(with_specs(scored(made, value), reml=spec_of("maml", MAML)))[1]
        for value in (0.38, 0.6)
    )
    assert near.verdict == "inside"
    assert far.verdict == "not comparable"
    said = "one seed" if lacking == "seeds" else "4 groups of test tasks, too few"
    assert said in " ".join(far.essential)
