"""Trials of every protocol, with learners whose scores can be worked out by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import HEAD, RETENTION, TRANSFER, UNRELATED, power, run_all, trials_of, values

from benchmarks.harness.disk.files import read_json
from benchmarks.harness.outlook.status import status_text
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.local import LocalEngine, modules_of
from benchmarks.harness.run.progress import PlainProgress
from benchmarks.harness.run.scheduler import run_trials
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.results import Results, load_results, restore
from benchmarks.harness.trial import procedure
from benchmarks.harness.trial.trial import run_trial


@pytest.fixture
def carriers(plugin: Path) -> Registry:
    return Registry([plugin, plugin.with_name("carriers.py")])


@pytest.fixture
def results(write_matrix: Callable[..., Path], carriers: Registry, tmp_path: Path) -> Results:
    return run_all(write_matrix, carriers, tmp_path / "out", 'name = "recalls"\ngain = 0.25')


def test_scores_by_hand(
    results: Results, write_matrix: Callable[..., Path], carriers: Registry
) -> None:
    """Trained on amplitude 1, it is 1 − t/4 off on amplitude 2; scratch is 2 − t/2 off."""
    transfer, unrelated, retention = trials_of(
        write_matrix, carriers, 'name = "recalls"\ngain = 0.25'
    )
    scores = results.scores
    close = {"rtol": 1e-4, "atol": 1e-5}

    s = power(transfer, carriers)
    assert len(s) == 4
    own, scratch = [(1 - t / 4) ** 2 for t in range(4)], [(2 - t / 2) ** 2 for t in range(4)]
    for t in range(4):
        np.testing.assert_allclose(values(scores, TRANSFER, "mse", t), own[t] * s, **close)
        found = values(scores, TRANSFER, "vs_scratch", t)
        np.testing.assert_allclose(found, np.log10(own[t] / scratch[t]), **close)
    np.testing.assert_allclose(values(scores, TRANSFER, "jumpstart", 3), 3 * s, **close)
    area = sum((own[t] + own[t + 1]) / 2 for t in range(3)) / 3
    np.testing.assert_allclose(values(scores, TRANSFER, "area", 3), area * s, **close)
    # scratch ends 0.5 off, where the learner is after 2 steps; rounding decides which side
    assert set(values(scores, TRANSFER, "steps_to_threshold", 3)) <= {2.0, 3.0}
    mine = scores[scores["protocol"] == TRANSFER]
    assert set(mine["metric"]) == {"mse", "vs_scratch", "jumpstart", "area", "steps_to_threshold"}

    s = power(unrelated, carriers)
    np.testing.assert_allclose(values(scores, UNRELATED, "mse", 1), 0.75**2 * s, **close)
    found = values(scores, UNRELATED, "vs_scratch", 1)
    np.testing.assert_allclose(found, 2 * np.log10(0.5), **close)

    a, b = power(retention, carriers, other=False), power(retention, carriers)
    for t in (0, 2):
        off = {
            "before": (t / 4) ** 2 * a,
            "mse": (1 + t / 4) ** 2 * a,
            "backward": ((t / 4) ** 2 - (1 + t / 4) ** 2) * a,
            "then": (t / 4) ** 2 * b,
            "forward": ((2 - t / 2) ** 2 - (1 - t / 4) ** 2) * b,
        }
        for metric, expected in off.items():
            np.testing.assert_allclose(values(scores, RETENTION, metric, t), expected, **close)
    assert set(scores[scores["protocol"] == RETENTION]["metric"]) == set(off)


def test_spending_and_history_have_both_parts(results: Results, tmp_path: Path) -> None:
    trials = results.trials.set_index("protocol")
    assert trials.loc[UNRELATED, "tasks"] == 10
    assert trials.loc[RETENTION, "tasks"] == 17
    record = read_json(tmp_path / "out" / "trials" / trials.loc[RETENTION, "trial"] / "trial.json")
    assert record["first_spending"]["tasks"] == 10
    assert record["trained_by"] == trials.loc[TRANSFER, "trial"]
    history = results.history[results.history["protocol"] == RETENTION]
    ends = history.groupby("metric")["tasks"].max()
    assert ends.to_dict() == {"query_loss": 10, "query_loss (then)": 7, "validation": 10}
    assert results.protocols[RETENTION]["then"] == "two"


@pytest.mark.parametrize("learner", ["recalls", "wanders"])
def test_a_learner_taken_over_gives_the_same_bits(
    write_matrix: Callable[..., Path], carriers: Registry, tmp_path: Path, learner: str
) -> None:
    """Whether a trial trains itself or takes over, from whatever protocol."""
    trials = trials_of(write_matrix, carriers, learner)
    assert len({trial.training for trial in trials}) == 1
    alone = [tmp_path / f"alone-{i}" for i in range(3)]
    for trial, place in zip(trials, alone, strict=True):
        place.mkdir()
        run_trial(trial, carriers, place)
    for i, trial in enumerate(trials):
        for giver in alone:
            place = tmp_path / f"{i}-from-{giver.name}"
            place.mkdir()
            record = run_trial(trial, carriers, place, trained=giver)
            assert record["status"] == "done", record["reason"]
            assert record["trained_by"] == trials[alone.index(giver)].id
            for table in ("scores", "history"):
                mine, other = (pd.read_parquet(it / f"{table}.parquet") for it in (place, alone[i]))
                columns = [column for column in mine if column != "seconds"]
                pd.testing.assert_frame_equal(mine[columns], other[columns], check_exact=True)
            own = read_json(alone[i] / "trial.json")["spending"]
            assert record["spending"]["tasks"] == own["tasks"] == (17 if i == 2 else 10)


def test_what_a_reference_scores_is_worked_out_once_a_run(
    write_matrix: Callable[..., Path],
    carriers: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit, fitted = procedure.fit_reference, []
    monkeypatch.setattr(
        procedure, "fit_reference", lambda *given: (fitted.append(given[0]), fit(*given))
    )
    trials = trials_of(write_matrix, carriers, "recalls", "wanders")
    scores: dict[Path | None, list[pd.DataFrame]] = {}
    for references in (None, tmp_path / "references"):
        fitted.clear()
        for trial in trials:
            place = tmp_path / f"{trial.id}-{references is None}"
            place.mkdir()
            assert run_trial(trial, carriers, place, references=references)["status"] == "done"
            scores.setdefault(references, []).append(pd.read_parquet(place / "scores.parquet"))
        assert len(fitted) == (len(trials) if references is None else len(trials) / 2)
    for alone, shared in zip(*scores.values(), strict=True):
        pd.testing.assert_frame_equal(alone, shared, check_exact=True)


def test_what_is_impossible_is_neither_failed_nor_missing(
    write_matrix: Callable[..., Path], carriers: Registry, tmp_path: Path
) -> None:
    results = run_all(write_matrix, carriers, tmp_path / "out", "stuck", "curious", "recalls")
    status = results.trials.set_index(["learner", "protocol"])[["status", "reason"]]
    assert status.loc[("stuck", UNRELATED), "status"] == "done"
    assert status.loc[("stuck", RETENTION)].tolist() == [
        "cannot",
        "all it learned is in its 5 training tasks",
    ]
    for protocol in (TRANSFER, UNRELATED, RETENTION):
        assert status.loc[("curious", protocol)].tolist() == [
            "cannot",
            "needs slope, which one does not tell",
        ]
    spent = results.trials.set_index(["learner", "protocol"])["tasks"]
    assert spent["curious", UNRELATED] == 0  # found out before training
    text = status_text(results)
    assert "tiny: 9 trials: 5 done, 0 failed, 0 missing, 4 cannot" in text
    assert "needs slope, which one does not tell" in text
    for place in ("trials", "published"):
        if place == "published":
            (tmp_path / "out" / "trials").rename(tmp_path / "elsewhere")
            restore(tmp_path / "out")
        again = load_results(tmp_path / "out").trials
        assert again["status"].tolist() == results.trials["status"].tolist()
        assert again["reason"].tolist() == results.trials["reason"].tolist()


def test_workers_share_the_training_and_do_not_repeat_what_cannot_be(
    write_matrix: Callable[..., Path],
    carriers: Registry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    matrix = load_matrix(str(write_matrix("recalls", "curious", head=HEAD)))
    trials = expand(matrix, carriers)
    folder = ResultsFolder(tmp_path / "out")
    origin = {"started": "", "commit": None, "dirty": False}
    with folder.open(describe(matrix, trials)), PlainProgress(trials, 2) as progress:
        engine = LocalEngine(2, modules_of(trials, carriers))
        how = {"device": "cpu", "provenance": origin}
        run_trials(trials, folder, carriers, progress, engine=engine, **how)
    records = [folder.record(trial.id) or {} for trial in trials]
    assert [record["status"] for record in records] == ["done", "cannot"] * 3
    assert len({record["trained_by"] for record in records[::2]}) == 1
    told = capsys.readouterr().out
    assert "cannot curious on one, unrelated: two, seed 0" in told
    assert ": needs slope, which one does not tell" in told


def test_everybody_meets_the_same_tasks_whatever_was_trained_on(
    write_matrix: Callable[..., Path], carriers: Registry
) -> None:
    """Test tasks depend on the family they are of, the protocol's kind and the split."""
    more = HEAD + '\n[[family]]\nname = "sinusoid"\nlabel = "three"\n'
    more = more.replace('families = ["one"]', 'families = ["one", "three"]')
    matrix = load_matrix(str(write_matrix("recalls", head=more)))
    trials = [t for t in expand(matrix, carriers) if t.protocol.label == UNRELATED]
    assert [trial.family.label for trial in trials] == ["one", "three"]
    first, second = (power(trial, carriers) for trial in trials)
    assert first.tolist() == second.tolist()
