"""The search for settings: what is proposed, chosen and kept, and what an interruption changes."""

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.core.errors import ContractError, MissingDependency
from benchmarks.harness.disk.columns import SEARCH
from benchmarks.harness.plan.expand import arrange
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.reading import tuning_in
from benchmarks.harness.tuning.known import Known
from benchmarks.harness.tuning.outcomes import DONE, FAILED, GIVEN_UP, Outcome, bars
from benchmarks.harness.tuning.search import JOURNAL
from benchmarks.harness.tuning.tuner import Tuner

Another = Callable[[str], Any]


def settings(tuner: Tuner) -> list[dict[str, Any]]:
    """All that was tried, and what came of it, but for the seconds that it took."""
    return [
        {"study": study, **vars(it), "loss": f"{it.loss!r}", "seconds": 0, "validation_seconds": 0}
        for study, outcomes in tuner.outcomes.items()
        for it in outcomes
    ]


def test_the_first_settings_are_the_defaults_and_the_best_are_chosen(bench: Any) -> None:
    tuner = bench.write("knob").search()
    (study,) = tuner.studies
    outcomes = tuner.outcomes[study.id]
    assert outcomes[0].settings == {"offset": 5.0, "layers": [2, 3], "count": 3}
    assert [it.number for it in outcomes] == [*range(10)]
    ended = [it for it in outcomes if it.state == DONE]
    chosen, tried = tuner.chosen[study.id]
    assert tried == 10
    assert chosen == min(ended, key=lambda it: it.loss).settings
    assert chosen["offset"] < 5.0
    assert outcomes[0].loss > min(it.loss for it in ended)


def test_hopeless_settings_are_given_up_at_a_moment(bench: Any) -> None:
    tuner = bench.write("knob", tuning="{ trials = 12 }").search()
    (outcomes,) = tuner.outcomes.values()
    given_up = [it for it in outcomes if it.state == GIVEN_UP]
    assert given_up
    assert all(it.number >= 4 and it.tasks < 100 for it in given_up)
    assert all(len(it.losses) == 3 for it in given_up)  # at the first moment with a bar


def test_the_bars_are_those_of_optunas_median_pruner() -> None:
    import optuna

    curves = np.random.default_rng(0).uniform(size=(9, 10))
    outcomes = [
        Outcome(number, {}, DONE, float(it[-1]), dict(enumerate(map(float, it), 1)))
        for number, it in enumerate(curves[:7])
    ]
    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(4, n_warmup_steps=3))
    for it in outcomes:
        study.add_trial(
            optuna.trial.create_trial(value=it.loss, intermediate_values=dict(it.losses))
        )
    for curve in curves[7:]:
        trial = study.ask()
        for moment, loss in enumerate(curve[:9], 1):
            trial.report(loss, moment)
            assert trial.should_prune() == bool(curve[:moment].min() > bars(outcomes)[moment - 1])


def test_killed_five_times_the_same_settings_are_tried(bench: Any, another: Another) -> None:
    whole = settings(bench.write("knob", "fragile").search())
    killed = another("killed")
    cut = random.Random(1)
    for _ in range(5):
        killed.most = len(killed.run) + cut.randint(1, 3)
        with pytest.raises(KeyboardInterrupt):
            killed.search()
        journal = killed.out / SEARCH / JOURNAL
        if journal.stat().st_size:  # and killed while it wrote
            with journal.open("ab") as file:
                file.write(b'{"op_code":4,"worker')
        (journal.parent / f"{JOURNAL}.lock").symlink_to(journal)
    killed.most = 10**6
    assert settings(killed.search()) == whole
    assert len(killed.run) == len(bench.run)


def test_a_second_search_tries_nothing(bench: Any) -> None:
    first = settings(bench.write("knob").search())
    tried = len(bench.run)
    (bench.out / SEARCH / JOURNAL).unlink()  # the table is enough
    assert settings(bench.search()) == first
    assert len(bench.run) == tried


def test_more_settings_go_on_from_those_that_were_tried(bench: Any, another: Another) -> None:
    first = settings(bench.write("knob", tuning="{ trials = 4 }").search())
    more = settings(bench.write("knob", tuning="{ trials = 8 }").search())
    assert more[:4] == first
    assert more == settings(another("straight").search())
    assert len(bench.run) == 8


@pytest.mark.parametrize("lost", ["journal", "table", "trials", "all but the table"])
def test_what_is_lost_of_a_search_is_made_again(bench: Any, lost: str) -> None:
    bench.write("knob", tuning="{ trials = 4 }").search()
    place = bench.out / SEARCH
    if lost == "table":
        (bench.out / "tuning.parquet").unlink()
    if lost in ("journal", "all but the table"):
        (place / JOURNAL).write_text("nonsense\nmore\n")
    if lost in ("trials", "all but the table"):
        (place / "trials").rename(bench.out / "elsewhere")
    more = settings(bench.write("knob", tuning="{ trials = 8 }").search())
    assert len(more) == 8
    assert len(bench.run) == 8  # none of the first is run again


def test_failed_settings_are_told_and_not_chosen(bench: Any) -> None:
    tuner = bench.write("fragile").search()
    (outcomes,) = tuner.outcomes.values()
    failed = [it for it in outcomes if it.state == FAILED]
    assert failed
    assert all("the offset is too small" in it.reason for it in failed)
    ((chosen, tried),) = tuner.chosen.values()
    assert tried
    assert chosen["offset"] >= 1


@pytest.mark.parametrize(
    ("reason", "tries"),
    [("worker process died (signal 9, SIGKILL)", 2), ("timed out after 3 s", 1)],
)
def test_what_a_process_died_of_is_tried_again_unless_it_was_a_limit(
    bench: Any, another: Another, reason: str, tries: int
) -> None:
    bench.write("knob", tuning="{ trials = 4 }").search()
    unlucky = another("unlucky")
    unlucky.dying = {bench.run[2]: reason}
    (outcomes,) = unlucky.search().outcomes.values()
    assert unlucky.run.count(bench.run[2]) == tries
    assert [it.state for it in outcomes] == [DONE, DONE, DONE if tries == 2 else FAILED, DONE]


def test_without_optuna_a_sentence_says_what_to_type(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("knob", tuning="{ trials = 2 }").search()
    monkeypatch.setitem(sys.modules, "optuna", None)
    bench.search()  # nothing is left to search
    with pytest.raises(MissingDependency, match="pip install"):
        bench.write("knob", tuning="{ trials = 3 }").search()


def test_a_table_that_is_damaged_or_lost_is_made_again(
    bench: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = settings(bench.write("knob", tuning="{ trials = 4 }").search())
    for content in (b"nonsense", None):
        path = bench.out / "tuning.parquet"
        path.write_bytes(content) if content else path.unlink()
        matrix = load_matrix(str(bench.path), bench.registry)
        known = Known(matrix, arrange(matrix, bench.registry), bench.registry, bench.out)
        assert not known.complete
        assert known.trials == []
        said: list[str] = []
        assert known.search({"knob"}, bench._run, [], said.append)
        assert known.tuner is not None
        assert settings(known.tuner) == whole
        assert len(known.trials) == 1
        assert len(tuning_in(bench.out)) == 4
    assert "tuning.parquet" in capsys.readouterr().err
    assert len(bench.run) == 4


def test_what_two_entries_come_to_is_two_trials_with_one_training(bench: Any) -> None:
    tables = "knob", 'name = "knob"\nlabel = "as it is"\ntune = false'
    tuner = bench.write(*tables, tuning="{ trials = 1 }").search()
    matrix = tuner.studies[0].matrix
    known = Known(matrix, arrange(matrix, bench.registry), bench.registry, bench.out)
    first, second = known.trials
    assert (first.tuned, second.tuned) == (1, 0)
    assert first.id != second.id
    assert first.training == second.training


def test_where_nothing_works_nothing_is_chosen(bench: Any) -> None:
    tuner = bench.write("hopeless", tuning="{ trials = 3 }").search()
    assert [*tuner.chosen.values()] == [({}, 0)]


def test_settings_that_come_again_cost_nothing(bench: Any) -> None:
    tuner = bench.write('name = "knob"\noffset = 0.3\nlayers = [4]').search()
    (outcomes,) = tuner.outcomes.values()
    assert len({it.settings["count"] for it in outcomes}) == len(bench.run) < len(outcomes) == 10
    folder = ResultsFolder(bench.out / SEARCH)
    spent = [(folder.record(it) or {})["spending"] for it in bench.run]
    for name in ("tasks", "seconds", "validation_seconds"):
        expected = pytest.approx(sum(it[name] for it in spent))
        assert sum(getattr(it, name) for it in outcomes) == expected


def test_several_seeds_count_by_their_mean(bench: Any) -> None:
    tuner = bench.write("knob", tuning="{ trials = 2, seeds = 3, tasks = 50 }").search()
    assert len(bench.run) == 6
    (outcomes,) = tuner.outcomes.values()
    assert [it.tasks for it in outcomes] == [150, 150]


def test_the_table_has_a_row_for_all_settings(bench: Any) -> None:
    bench.write("knob", "plain").search()
    table = tuning_in(bench.out)
    assert len(table) == 10
    assert table["chosen"].sum() == 1
    (row,) = table[table["chosen"]].to_dict("records")
    importance = json.loads(row["importance"])
    assert importance
    assert max(importance, key=importance.__getitem__) == "offset"
    assert sum(importance.values()) == pytest.approx(1)


def test_no_test_task_can_be_drawn_while_settings_are_searched(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks.tasks.sinusoid import Sinusoid

    splits: list[str] = []
    sample = Sinusoid.sample

    def watched(self: Sinusoid, n_tasks: int, split: str, *rest: Any, **more: Any) -> Any:
        splits.append(split)
        return sample(self, n_tasks, split, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Sinusoid, "sample", watched)
    bench.write("knob", tuning="{ trials = 2 }").search()
    assert set(splits) == {"train", "validation"}


def test_a_family_refuses_test_tasks_while_settings_are_searched() -> None:
    from benchmarks.core import generator_of
    from benchmarks.harness.trial.tries.trying import without_tests
    from benchmarks.tasks.sinusoid import Sinusoid

    family = without_tests(Sinusoid())
    assert len(family.sample(2, "validation", generator_of("a"), shots=1, queries=1)) == 2
    with pytest.raises(ContractError, match="a test task was asked for"):
        family.sample(2, "test", generator_of("a"), shots=1, queries=1)


def test_an_empty_table_is_read_as_one(tmp_path: Path) -> None:
    assert isinstance(tuning_in(tmp_path), pd.DataFrame)
    assert tuning_in(tmp_path).empty
