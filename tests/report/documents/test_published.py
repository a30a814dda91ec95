"""The published numbers as data: complete, and in the words that learners and families have."""

import pytest

from benchmarks.harness.plan.fields import field_names
from benchmarks.harness.plan.registry import Registry
from benchmarks.report.documents.published import Cell, Row, in_words, published, same

ROWS = [row for row in published().row if row.learner]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.source}-{row.method}")
def test_settings_name_fields_that_there_are(row: Row) -> None:
    data, registry = published(), Registry()
    fields = {
        "family": {*field_names(registry.find("family", row.family).cls)},
        "learner": {*field_names(registry.find("learner", str(row.learner)).cls)},
        "protocol": {"split"},
        "budget": {"tasks"},
    }
    for cell in row.cells:
        keys = {**data.settings(row, cell), **row.select}
        for key in keys:
            part, _, name = key.partition(".")
            assert name in fields[part], key
        assert set(data.settings(row, cell)) <= data.words.keys()
        for name in row.essential:
            assert any(key == name or key.startswith(f"{name}.") for key in keys), name


def test_every_row_has_its_source_and_every_word_its_use() -> None:
    data = published()
    used = {key for row in data.row for cell in row.cells for key in data.settings(row, cell)}
    assert used == data.words.keys()
    assert {row.source for row in data.row} == data.source.keys()
    assert {name for row in data.row for name in row.groups} == data.group.keys()
    assert {row.metric for row in data.row} == {"mse", "accuracy"}
    for row in data.row:
        for cell in row.cells:
            assert (cell.ways is not None) == (row.metric == "accuracy")
            assert cell.range(row.metric).low < cell.range(row.metric).high


def test_the_numbers_are_those_of_the_papers() -> None:
    printed = {
        (row.source, row.method, cell.ways, cell.shots, cell.steps): cell.text(row.metric)
        for row in published().row
        for cell in row.cells
    }
    assert printed["finn2017", "MAML", None, 5, 1] == "0.67"
    assert printed["finn2017", "MAML, convolutions", 20, 1, 5] == "95.8 ± 0.3 %"
    assert printed["finn2017", "MAML, no convolutions", 5, 1, 3] == "89.7 ± 1.1 %"
    assert printed["snell2017", "prototypical networks", 5, 5, None] == "99.7 %"
    assert printed["raghu2020", "ANIL", 20, 5, 5] == "98.0 ± 0.3 %"
    assert printed["learn2learn", "MAML, fully connected", 5, 1, 1] == "88.9 %"
    assert printed["huisman2023", "plain LSTM", None, 5, None] == "0.0280 ± 0.0019"
    secondary = {row.method for row in published().row if published().source[row.source].secondary}
    assert secondary == {"CAVIA", "MetaFun", "OP-LSTM", "plain LSTM"}


def test_a_value_without_interval_stands_for_all_that_round_to_it() -> None:
    assert Cell(shots=5, value="0.67").range("mse") == (0.67, 0.665, 0.675)
    assert Cell(shots=5, value="0.040").range("mse") == (0.04, 0.0395, 0.0405)
    assert Cell(shots=1, value="98.7", interval="0.4").range("accuracy") == (0.987, 0.983, 0.991)
    assert Cell(shots=1, value="96.0").range("accuracy") == (0.96, 0.9595, 0.9605)


@pytest.mark.parametrize(
    ("ours", "theirs", "agree"),
    [
        (None, "none", True),
        ("none", "none", True),
        (0.4, 0.4, True),
        (1.0, 1, True),
        (0.4, 0.1, False),
        ([40, 40], [40, 40], True),
        ([40, 40, 40], [40, 40], False),
        (False, 0, False),
        (None, 64, False),
    ],
)
def test_values_agree_or_not(ours: object, theirs: object, agree: bool) -> None:
    assert same(ours, theirs) is agree


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([40, 40], "40-40"),
        (1_750_000, "1,750,000"),
        (True, "yes"),
        (None, "none"),
        (0.0005, "0.0005"),
        ("stride", "stride"),
    ],
)
def test_values_have_words(value: object, words: str) -> None:
    assert in_words(value) == words
