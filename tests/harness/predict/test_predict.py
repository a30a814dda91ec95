"""A trained learner on a new task: own units, categories, and nothing unpickled."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.cli import main
from benchmarks.core import Support
from benchmarks.core.errors import DataError, StoreError
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import load_checkpoint
from benchmarks.harness.predict.new_task import Prediction, predict
from benchmarks.harness.trial.trial import run_trial

MATRIX = """
name = "shops"
seeds = 1
[budget]
tasks = 50
[[protocol]]
kind = "few_shot"
shots = [3]
steps = [0, 2]
tasks = 5
[[family]]
name = "table"
path = "shops.csv"
task = ["shop"]
x = ["price=€", "day"]
y = "sold"
categorical = ["day"]
split_by = "shop"
[[learner]]
name = "mean"
[[learner]]
name = "maml"
hidden = [8]
[[learner]]
name = "reml"
width = 4
depth = 3
pool = [2, 2, 2]
policy_width = 4
batch_tasks = 10
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shops")
    generator = np.random.default_rng(0)
    rows = 120
    pd.DataFrame(
        {
            "shop": np.arange(rows) // 10,
            "price=€": generator.uniform(100, 200, rows),
            "day": generator.choice(["mon", "sun"], rows),
            "sold": generator.uniform(1000, 3000, rows),
        }
    ).to_csv(folder / "shops.csv", index=False)
    (folder / "matrix.toml").write_text(MATRIX)
    out = folder / "out"
    more = ["--out", str(out), "--jobs", "1", "--no-figures"]
    assert main(["run", str(folder / "matrix.toml"), *more]) == 0
    (folder / "support.csv").write_text(
        "day,price=€,sold\nmon,120,1500\nsun,150,1800\nmon,190,2400\n"
    )
    (folder / "query.csv").write_text("price=€,day\n130,sun\n175,mon\n")
    return folder


def _trial(run: Path, learner: str) -> Path:
    (folder,) = (run / "out" / "trials").glob(f"table-{learner}-s0-*")
    return folder


def _predict(run: Path, learner: str, steps: int | None = None) -> tuple[pd.DataFrame, list[str]]:
    checkpoint = load_checkpoint(_trial(run, learner), Registry())
    return _both(predict(checkpoint, run / "support.csv", run / "query.csv", steps))


def _both(found: Prediction) -> tuple[pd.DataFrame, list[str]]:
    return found.table, [*found.warnings, *found.remarks]


def test_the_mean_is_that_of_the_support_targets_in_their_own_units(run: Path) -> None:
    predicted, words = _predict(run, "mean")
    assert list(predicted.columns) == ["price=€", "day", "sold"]
    assert predicted["sold"].to_numpy() == pytest.approx([1900, 1900])
    assert words == []


@pytest.mark.parametrize("steps", [0, 2, None])
def test_predictions_are_the_learners_own(run: Path, steps: int | None) -> None:
    """Standardised by hand, with the statistics that the trial stored."""
    predicted, _ = _predict(run, "maml", steps)
    problem = json.loads((_trial(run, "maml") / "trial.json").read_text())["problem"]
    assert problem["inputs"] == ["price=€", "day=mon", "day=sun"]
    mean, scale = problem["input_offset"][0], problem["input_scale"][0]

    def inputs(*rows: tuple[float, int, int]) -> torch.Tensor:
        return torch.tensor([[((price - mean) / scale, mon, sun) for price, mon, sun in rows]])

    y = (np.array([1500, 1800, 2400]) - problem["target_offset"]) / problem["target_scale"]
    support = Support(
        inputs((120, 1, 0), (150, 0, 1), (190, 1, 0)),
        torch.tensor(y, dtype=torch.float32).view(1, 3, 1),
    )
    learner = load_checkpoint(_trial(run, "maml"), Registry()).learner
    (adapted,) = learner.adapt(support, [2 if steps is None else steps])
    expected = adapted(inputs((130, 0, 1), (175, 1, 0))).flatten().numpy()
    own_units = expected * problem["target_scale"] + problem["target_offset"]
    assert predicted["sold"].to_numpy() == pytest.approx(own_units, rel=1e-5)


def test_reml_says_which_layers_it_took(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--support", str(run / "support.csv"), "--query", str(run / "query.csv")]
    out = run / "predicted.csv"
    checkpoint = str(_trial(run, "reml") / "learner.pt")
    assert main(["predict", checkpoint, *files, "--out", str(out)]) == 0
    assert "input layer" in capsys.readouterr().err
    assert len(pd.read_csv(out)) == 2


def test_a_query_row_without_an_input_is_one_sentence(run: Path) -> None:
    checkpoint = load_checkpoint(_trial(run, "mean"), Registry())
    bad = run / "bad.csv"
    bad.write_text("price=€,day\n130,\n")
    with pytest.raises(
        DataError, match=r"bad\.csv: column 'day' is empty in 1 of 1 rows; expected"
    ):
        predict(checkpoint, run / "support.csv", bad, None)
    bad.write_text("price=€,dai\n130,sun\n")
    with pytest.raises(DataError, match="no column 'day'; did you mean 'dai'"):
        predict(checkpoint, run / "support.csv", bad, None)


def test_a_folder_that_is_no_trial_is_one_sentence(run: Path) -> None:
    with pytest.raises(StoreError, match="not the folder of a finished trial"):
        load_checkpoint(run, Registry())


def test_nothing_is_unpickled(run: Path, tmp_path: Path) -> None:
    (tmp_path / "trial.json").write_text((_trial(run, "mean") / "trial.json").read_text())
    planted = tmp_path / "planted"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (planted,)  # type: ignore[return-value]

    (tmp_path / "learner.pt").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(StoreError, match=r"learner\.pt: cannot be read"):
        load_checkpoint(tmp_path, Registry())
    assert not planted.exists()


def test_a_comma_after_every_row_shifts_no_prediction(run: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(_trial(run, "maml"), Registry())
    wanted, _ = _predict(run, "maml")
    for file in ("support.csv", "query.csv"):
        header, *rows = (run / file).read_text().splitlines()
        (tmp_path / file).write_text("\n".join([header, *(f"{row}," for row in rows)]) + "\n")
    predicted = predict(checkpoint, tmp_path / "support.csv", tmp_path / "query.csv", None).table
    pd.testing.assert_frame_equal(predicted, wanted)


def test_a_category_is_known_by_its_plain_name(run: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(_trial(run, "maml"), Registry())
    wanted, _ = _predict(run, "maml")
    query = tmp_path / "query.csv"
    query.write_text("price=€,day \n130, sun\n175,mon\u00a0\n", encoding="utf-8")
    predicted = predict(checkpoint, run / "support.csv", query, None).table
    assert predicted["sold"].tolist() == wanted["sold"].tolist()


BAD_QUERIES = {
    "a field too many": ("price=€,day\n130,sun,1\n", "row 1 (line 2) has 3 fields, and the header"),
    "an open quote": ('price=€,day\n130,"sun\n', "a quote is left open, in row 1 (line 2)"),
    "a column twice": ("price=€,day,day\n130,sun,mon\n", "2 columns are called 'day'"),
    "another magnitude": ("price=€,day\n1e30,sun\n", "holds 1e+30 in row 1, more than 10^9"),
}


@pytest.mark.parametrize("case", BAD_QUERIES)
def test_a_query_that_cannot_be_read_as_written_is_refused(
    run: Path, tmp_path: Path, case: str
) -> None:
    text, message = BAD_QUERIES[case]
    (tmp_path / "query.csv").write_text(text, encoding="utf-8")
    checkpoint = load_checkpoint(_trial(run, "mean"), Registry())
    with pytest.raises(DataError) as error:
        predict(checkpoint, run / "support.csv", tmp_path / "query.csv", None)
    assert message in str(error.value)


def test_a_file_that_changed_since_the_run_began_fails_its_trials(
    run: Path, tmp_path: Path
) -> None:
    for file in ("matrix.toml", "shops.csv"):
        (tmp_path / file).write_bytes((run / file).read_bytes())
    notes: list[str] = []
    spec, *_ = expand(load_matrix(str(tmp_path / "matrix.toml")), Registry(), notes.append)
    assert notes[0].startswith("table: read 120 rows in 12 tasks (of so many groups): train 7 (")
    with (tmp_path / "shops.csv").open("a") as file:
        file.write("0,150,mon,1000\n")
    record = run_trial(spec, Registry(), tmp_path)
    assert record["status"] == "failed"
    assert "shops.csv: has changed since the run began; run the matrix again" in record["reason"]
    assert record["spending"]["tasks"] == 0


def test_any_damage_to_either_file_is_one_sentence_or_a_finite_prediction(
    run: Path, tmp_path: Path
) -> None:
    checkpoint = load_checkpoint(_trial(run, "mean"), Registry())
    rng = np.random.default_rng(0)
    bits = [b",", b'"', b"\n", b"\r", b"\0", b" ", b"\xff", b"1e308", b"nan", b"-", b"9" * 400, b""]
    answers, predictions = [], 0
    for _ in range(200):
        files = {
            name: bytearray((run / name).read_bytes()) for name in ("support.csv", "query.csv")
        }
        damaged = files[rng.choice(list(files))]
        at = int(rng.integers(len(damaged)))
        damaged[at : at + int(rng.choice([0, 0, 1]))] = bits[rng.integers(len(bits))]
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        try:
            predicted = predict(
                checkpoint, tmp_path / "support.csv", tmp_path / "query.csv", None
            ).table
        except DataError as error:
            answers.append(str(error))
        else:
            predictions += 1
            assert np.isfinite(predicted["sold"]).all()
    assert predictions >= 20
    assert len(answers) == 200 - predictions
    assert not any("\n" in answer or len(answer) > 700 for answer in answers)
