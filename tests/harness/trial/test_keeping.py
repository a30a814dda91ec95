"""Which state of a training is tested: of ten on the way, the best on validation tasks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from tiny import ONE_AND_TWO

from benchmarks.core import Split, State
from benchmarks.core.errors import MatrixError
from benchmarks.harness.evaluation.validating import looks
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.trial.moments import Moments
from benchmarks.harness.trial.trainings import load
from benchmarks.harness.trial.trial import run_trial
from benchmarks.protocols.few_shot import FewShot
from benchmarks.tasks.sinusoid import Sinusoid

HEAD = (
    """
name = "tiny"
seeds = 1

[budget]
tasks = 10
{keep}

[[protocol]]
kind = "few_shot"
shots = [2]
queries = 6
tasks = 4
steps = [0, 1]

[[protocol]]
kind = "retention"
then = "two"
families = ["one"]
shots = [2]
queries = 6
tasks = 4
steps = [0, 2]
reference = {{name = "silent"}}
budget = {{tasks = 5}}
"""
    + ONE_AND_TWO
)
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def carriers(plugin: Path) -> Registry:
    return Registry([plugin, plugin.with_name("carriers.py")])


@pytest.fixture
def trials(write_matrix: Callable[..., Path], carriers: Registry) -> Callable[..., list[TrialSpec]]:
    def make(*learners: str, keep: str = "") -> list[TrialSpec]:
        matrix = load_matrix(str(write_matrix(*learners, head=HEAD.format(keep=keep))))
        return [it for it in expand(matrix, carriers) if it.family.label == "one"]

    return make


@pytest.fixture
def run(tmp_path: Path, carriers: Registry) -> Run:
    def go(trial: TrialSpec, name: str = "trial", **more: Any) -> dict[str, Any]:
        (tmp_path / name).mkdir()
        record = run_trial(trial, carriers, tmp_path / name, **more)
        assert record["status"] == "done", record["reason"]
        return record

    return go


def curve(folder: Path) -> pd.DataFrame:
    history = pd.read_parquet(folder / "history.parquet")
    return history[history["metric"] == "validation"].reset_index(drop=True)


def error(folder: Path) -> float:
    scores = pd.read_parquet(folder / "scores.parquet")
    return float(scores.loc[scores["metric"] == "mse", "value"].mean())


def test_the_best_of_ten_states_is_tested(
    trials: Callable[..., list[TrialSpec]], run: Run, tmp_path: Path
) -> None:
    """Its amplitude is 0.2, 0.4, ..., 1.0 after five tasks, and then 1.3, 1.6, ..., 2.5."""
    record = run(trials("drowns")[0])
    seen = curve(tmp_path / "trial")
    assert seen["tasks"].tolist() == list(range(1, 11))
    off = torch.tensor([0.8, 0.6, 0.4, 0.2, 0.0, 0.3, 0.6, 0.9, 1.2, 1.5])
    expected = (off / off[0]) ** 2 * seen["value"][0]
    assert seen["value"].tolist() == pytest.approx(expected.tolist(), abs=0.02)
    kept = record["kept"]
    assert (kept["state"], kept["tasks"], kept["moments"]) == ("best", 5, 10)
    assert kept["loss"] == seen["value"][4]
    assert kept["last_loss"] == seen["value"][9] > 1
    assert error(tmp_path / "trial") < 1e-4
    state = torch.load(tmp_path / "trial" / "learner.pt", weights_only=True)
    assert state["amplitude"].item() == pytest.approx(1.0, abs=0.01)
    assert record["spending"]["tasks"] == 10
    assert record["spending"]["validation_seconds"] > 0


def test_the_last_state_is_tested_where_one_says_so(
    trials: Callable[..., list[TrialSpec]], run: Run, tmp_path: Path
) -> None:
    (whole, _), (own, _) = (
        trials("drowns", keep='keep = "last"'),
        trials('name = "drowns"\nkeep = "last"'),
    )
    best = trials("drowns")[0]
    assert whole.id == own.id != best.id
    assert whole.training == own.training != best.training
    assert "keep" not in whole.identity
    assert best.identity["keep"] == "best"
    record = run(whole)
    assert (record["kept"]["state"], record["kept"]["tasks"]) == ("last", 10)
    assert curve(tmp_path / "trial")["tasks"].tolist() == [10]
    assert error(tmp_path / "trial") > 0.5


def test_looking_changes_no_bit_of_the_training(
    trials: Callable[..., list[TrialSpec]], run: Run, tmp_path: Path
) -> None:
    run(trials("drowns")[0], "best")
    run(trials("drowns", keep='keep = "last"')[0], "last")
    best, last = (load(tmp_path / name) for name in ("best", "last"))
    assert best.state["amplitude"].item() == last.state["amplitude"].item()
    assert not last.moments
    assert len(best.moments) == 10
    columns = ["tasks", "metric", "value"]
    pd.testing.assert_frame_equal(best.history[columns], last.history[columns])


def test_a_training_that_is_taken_over_gives_the_same_bits(
    trials: Callable[..., list[TrialSpec]],
    run: Run,
    tmp_path: Path,
    carriers: Registry,
) -> None:
    """By a trial that was killed after it, or one of another protocol, from whatever folder."""
    few, retention = trials("drowns")
    assert few.training == retention.training
    run(few, "few", trainings=tmp_path / "kept", references=tmp_path / "seen")
    run(retention, "alone")
    for giver in (tmp_path / "kept" / few.training, tmp_path / "few", tmp_path / "alone"):
        for trial, first in ((few, "few"), (retention, "alone")):
            name = f"{trial.protocol.kind}-{giver.name}"
            record = run(trial, name, trained=giver)
            for table in ("scores", "history"):
                places = (tmp_path / it / f"{table}.parquet" for it in (first, name))
                one, two = map(pd.read_parquet, places)
                columns = [it for it in one if it != "seconds"]
                pd.testing.assert_frame_equal(one[columns], two[columns], check_exact=True)
            assert record["kept"]["tasks"] == 5
    # carrying on began from the state that was kept: 1.0, and then 0.2 twice and 0.3 thrice
    scores = pd.read_parquet(tmp_path / "alone" / "scores.parquet")
    then = scores[(scores["metric"] == "before") & (scores["steps"] == 0)]
    assert then["value"].max() < 1e-4


def test_trials_of_one_training_look_once(
    trials: Callable[..., list[TrialSpec]], run: Run, tmp_path: Path
) -> None:
    few, retention = trials("drowns")
    retention = trials("drowns")[1]
    first = run(few, "few", references=tmp_path / "seen")
    second = run(few, "again", references=tmp_path / "seen", trained=tmp_path / "few")
    assert first["spending"]["validation_seconds"] > 0 == second["spending"]["validation_seconds"]
    assert run(retention, "other", references=tmp_path / "seen", trained=tmp_path / "few")["kept"]
    pd.testing.assert_frame_equal(curve(tmp_path / "few"), curve(tmp_path / "again"))


def test_a_training_without_its_states_is_trained_anew(
    trials: Callable[..., list[TrialSpec]],
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    few = trials("drowns")[0]
    run(few, "few")
    (tmp_path / "few" / "moments.pt").unlink()
    record = run(few, "again", trained=tmp_path / "few")
    assert record["trained_by"] == few.id
    assert record["kept"]["tasks"] == 5
    assert "trained anew" in capsys.readouterr().out


def test_a_learner_that_cannot_tell_its_state_is_tested_as_it_ends(
    trials: Callable[..., list[TrialSpec]],
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = run(trials("shy")[0])
    assert "no states are kept on the way" in capsys.readouterr().out
    assert record["kept"]["tasks"] == 10
    assert error(tmp_path / "trial") < 1e-6


def test_who_draws_no_task_is_not_looked_at(
    trials: Callable[..., list[TrialSpec]], run: Run, tmp_path: Path
) -> None:
    assert "kept" not in run(trials("silent")[0])
    assert curve(tmp_path / "trial").empty


def test_states_that_take_much_are_fewer() -> None:
    state: State = {"weights": torch.zeros(1000)}
    moments = Moments(lambda: state, most_bytes=22_000)
    for tasks in range(1, 10):
        moments.keep(tasks, 0.0)
    assert [it.tasks for it in moments.seen] == [4, 8]
    none = Moments(lambda: state, most_bytes=100)
    for tasks in range(1, 10):
        none.keep(tasks, 0.0)
    assert none.seen == ()


def test_a_kept_state_is_a_copy() -> None:
    weights = torch.zeros(3)
    moments = Moments(lambda: {"weights": weights})
    moments.keep(1, 0.0)
    weights += 1
    assert moments.seen[0].state["weights"].tolist() == [0, 0, 0]


def test_validation_tasks_that_are_scored_choose_nothing() -> None:
    def asked(split: str) -> FewShot:
        return FewShot.model_validate(
            {"kind": "few_shot", "shots": [2], "steps": [1], "split": split}
        )

    class Few(Sinusoid):
        def size(self, split: Split, shots: int) -> int | None:
            return 7

    few = Few()
    assert looks(few, asked("test")) is not None
    assert looks(few, asked("validation")) is None
    assert looks(Sinusoid(), asked("validation")) is not None  # there are always others


def test_keep_is_best_or_last(trials: Callable[..., list[TrialSpec]]) -> None:
    with pytest.raises(MatrixError, match=r"\[budget\]: key 'keep'"):
        trials("drowns", keep='keep = "first"')
    with pytest.raises(MatrixError, match="key 'keep'"):
        trials('name = "drowns"\nkeep = "first"')
