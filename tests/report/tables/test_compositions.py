import math
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from benchmarks.harness.store.results import Results
from benchmarks.report.tables.compositions import (
    COLUMNS,
    in_order,
    make_compositions,
    sections,
)
from benchmarks.report.tables.forms.markdown import section_blocks
from benchmarks.report.tables.write import write_table

Make = Callable[..., Results]
BY_HAND = {  # seed: decision: the choices for four tasks
    0: {
        "input layer": [0, 0, 1, 1],
        "hidden layer 1": [3, 3, 3, 3],
        "adaptation rate": [0, 1, 0, 1],
        "depth": [3, 3, 3, 3],
    },
    1: {
        "input layer": [0, 1, 2, 3],
        "hidden layer 1": [3, 4, 3, 3],
        "adaptation rate": [2, 2, 2, 2],
        "depth": [3, 2, 3, 3],  # 4 is no layer: nothing that hidden layer 1 does not say
    },
}


def by_hand(results: Results) -> Results:
    """The same trials, of which `reml` decided what `BY_HAND` says, with 5 shots."""
    keys = results.trials.set_index(["learner", "seed"], drop=False)
    columns = ["trial", "family", "protocol", "learner", "seed", "privileged"]
    rows = []
    for seed, decisions in BY_HAND.items():
        key = {**keys.loc[("reml", seed), columns].to_dict(), "shots": 5, "steps": -1}
        for name, values in {**decisions, "policy_entropy": [1.0, 2.0, 3.0, seed]}.items():
            kind = "measure" if name == "policy_entropy" else "choice"
            rows += [
                {**key, "task": task, "kind": kind, "name": name, "value": float(value)}
                | {"options": 5 if kind == "choice" else 0}
                for task, value in enumerate(values)
            ]
        rows.append(
            {**key, "steps": 1, "task": 0, "kind": "measure", "name": "support_mse"}
            | {"value": 9.0, "options": 0}
        )
    return replace(results, diagnostics=pd.DataFrame(rows))


def test_compositions_by_hand(make_results: Make) -> None:
    table = make_compositions(by_hand(make_results(["mean", "reml"], tasks=4)))
    assert tuple(table.columns) == COLUMNS
    assert set(table["learner"]) == {"reml"}
    assert set(table["shots"]) == {5}
    assert set(table["seeds"]) == {2}
    assert set(table["tasks"]) == {4}
    found = table.set_index("quantity")[["mean", "min", "max"]]
    # seed 0: two networks, the rate being none of theirs; seed 1: four
    assert found.loc["compositions"].tolist() == [3, 2, 4]
    # seed 0: ln 2 for the input layer and for the rate; seed 1: ln 4, and a quarter and the rest
    first = 2 * math.log(2)
    second = math.log(4) - 0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    expected = [(first + second) / 2, first, second]
    assert found.loc["marginal_entropy"].tolist() == pytest.approx(expected)
    assert found.loc["policy_entropy"].tolist() == [1.625, 1.5, 1.75]
    assert "support_mse" not in found.index


def test_the_table_for_people(make_results: Make) -> None:
    results = by_hand(make_results(["mean", "reml"], tasks=4))
    (section,) = sections(results)
    text = "\n".join(section_blocks(section))
    assert "what was decided on 4 test tasks" in text
    (row,) = (line for line in text.splitlines() if line.startswith("| reml "))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        *("reml", "5", "3 [2, 4]", "1.67 [1.39, 1.95]"),
        *("0.75 [0.67, 0.83]", "9 [8, 10]", "1.62 [1.50, 1.75]"),
    ]


def test_where_nobody_diagnosed_there_is_nothing(make_results: Make, tmp_path) -> None:
    everybody = make_results(["reml", "maml"], tasks=4, diagnostics=True)
    nobody = make_results(["maml"], tasks=4, diagnostics=True)  # has its support errors alone
    assert list(sections(nobody)) == []
    write_table(everybody, tmp_path)
    assert (tmp_path / "compositions.csv").is_file()
    write_table(nobody, tmp_path)
    assert not (tmp_path / "compositions.csv").exists()


def test_the_file_does_not_depend_on_the_order_of_rows(make_results: Make, tmp_path) -> None:
    results = make_results(["reml-random", "reml"], tasks=30, seeds=3, diagnostics=True)
    shuffled = replace(results, diagnostics=results.diagnostics.sample(frac=1, random_state=1))
    for name, it in (("a", results), ("b", shuffled)):
        write_table(it, tmp_path / name)
    first, second = (tmp_path / name / "compositions.csv" for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert pd.read_csv(first)["learner"].unique().tolist() == ["reml-random", "reml"]


def test_decisions_come_from_the_input_to_the_output() -> None:
    names = ["rate", "hidden layer 10", "zeal", "depth", "output layer", "activation"]
    names += ["hidden layer 2", "input layer"]
    assert in_order(names) == [
        "input layer",
        "hidden layer 2",
        "hidden layer 10",
        "output layer",
        "depth",
        "activation",
        "rate",
        "zeal",
    ]
