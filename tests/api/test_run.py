"""`reml.run` and `reml.load`: files and names, dicts, classes, folders, interrupts."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import reml
from benchmarks.cli import main
from benchmarks.core.errors import (
    DataError,
    MatrixError,
    PluginError,
    StoreError,
    UnknownName,
    UserError,
)
from benchmarks.harness.plan.matrix import load_matrix

ROOT = Path(__file__).parents[2]
QUIET = {"report": False, "progress": False}
Make = Callable[..., dict[str, Any]]


def test_a_dict_runs_and_the_folder_is_loaded(
    tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = reml.run(tiny(), out=tmp_path / "out", **QUIET)
    assert capsys.readouterr() == ("", "")
    assert list(results.trials["status"]) == ["done"]
    again = reml.load(tmp_path / "out")
    assert again.scores.equals(results.scores)
    assert again.name == "tiny"
    assert "1 trial (1 done)" in repr(again)


def test_progress_is_printed_and_says_who_runs_here(
    tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reml.run(tiny(), out=tmp_path / "out", report=False)
    said = capsys.readouterr().out
    assert "tiny: 1 trial, 0 done already, 1 to run" in said
    assert "note: 1 trial of classes that are in no file of their own can only run in this" in said
    assert "done   noted on sinusoid, seed 0" in said


def test_what_is_done_is_not_run_again(tiny: Make, noted: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    reml.run(tiny(), out=out, **QUIET)
    (folder,) = (out / "trials").glob("[!.]*")
    before = (folder / "trial.json").stat().st_mtime_ns
    results = reml.run(tiny(learner=[noted, noted(bandwidth=3.0)]), out=out, **QUIET)
    assert results.learners == ("noted", "noted (bandwidth=3.0)")
    assert (folder / "trial.json").stat().st_mtime_ns == before
    reml.run(tiny(), out=out, force=True, **QUIET)
    assert (folder / "trial.json").stat().st_mtime_ns > before


def test_a_changed_class_is_another_learner(
    tiny: Make, in_notebook: Callable[[str, str], type], tmp_path: Path
) -> None:
    ids = set()
    for text in ("/ 2, 2) @", "/ 3, 2) @"):  # in a function that the class only calls
        cls = in_notebook("/ 2, 2) @", text)
        ids |= set(reml.run(tiny(learner=cls), out=tmp_path / text[2], **QUIET).trials["trial"])
    assert len(ids) == 2


def test_a_path_a_name_and_a_matrix_are_the_same(tmp_path: Path, tiny: Make) -> None:
    matrix = load_matrix("quick")
    with pytest.raises(UnknownName, match="unknown learner or trial 'nobody'"):
        reml.run("quick", only="nobody", out=tmp_path, **QUIET)
    with pytest.raises(UnknownName, match="unknown learner or trial 'nobody'"):
        reml.run(matrix, only="nobody", out=tmp_path, **QUIET)
    with pytest.raises(MatrixError, match="quack: is no file and no bundled matrix"):
        reml.run("quack", out=tmp_path, **QUIET)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"learner": 3}, "matrix: key 'learner': expected a name, a class"),
        ({"learner": "mamml"}, "matrix: unknown learner 'mamml'"),
        ({"learner": int}, "class 'int': class int has no name"),
        ({"seed": 3}, "matrix: unknown key 'seed'; did you mean 'seeds'?"),
        ({"seeds": 0}, "matrix: key 'seeds'"),
        ({"budget": {"tasks": float("nan")}}, "matrix: \\[budget\\]: key 'tasks'"),
        ({"family": {"name": "table", "path": "no.csv"}}, "there is no file or folder no.csv"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    tiny: Make, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        reml.run(tiny(**change), out=tmp_path / "out", **QUIET)
    assert not (tmp_path / "out").exists()


def test_errors_name_a_frame_as_one(tiny: Make, frame: pd.DataFrame, tmp_path: Path) -> None:
    roles = {"task": "site", "x": "kind", "y": "answer", "split_by": "site"}
    family = {"name": "table", "path": frame, **roles}
    with pytest.raises(DataError, match="family 'table': the DataFrame: column 'kind' holds 'b'"):
        reml.run(tiny(family=family), out=tmp_path / "out", **QUIET)


def test_wrong_arguments_are_named(tiny: Make, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="jobs: expected a whole number from 1"):
        reml.run(tiny(), out=tmp_path, jobs=0, **QUIET)
    with pytest.raises(UserError, match="'meta' cannot be used here"):
        reml.run(tiny(), out=tmp_path, device="meta", **QUIET)
    with pytest.raises(StoreError, match=r"matrix.json"):
        reml.load(tmp_path)


def test_a_failure_is_a_row_and_costs_no_other(tiny: Make, noted: Any, tmp_path: Path) -> None:
    learners = [noted(fail=True), {"name": noted, "label": "fine"}]
    results = reml.run(tiny(learner=learners), out=tmp_path / "out", **QUIET)
    assert list(results.trials["status"]) == ["failed", "done"]
    assert "as I was told" in results.trials["reason"][0]
    with pytest.raises(StoreError, match=r"no trained learner 'noted'.*as I was told"):
        results.learner("noted")


def test_ctrl_c_leaves_what_is_done(tiny: Make, noted: Any, tmp_path: Path) -> None:
    class Impatient:
        def on_trial_start(self, trial: Any) -> None:
            if trial.seed == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reml.run(tiny(seeds=3), out=tmp_path / "out", callbacks=[Impatient()], **QUIET)
    assert list(reml.load(tmp_path / "out").trials["status"]) == ["done", "missing", "missing"]
    assert list((tmp_path / "out" / "trials").glob(".tmp-*")) == []
    done = reml.run(tiny(seeds=3), out=tmp_path / "out", **QUIET)
    assert set(done.trials["status"]) == {"done"}


def test_ctrl_c_in_training_is_no_failure(tiny: Make, noted: Any, tmp_path: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    class Stopped(noted):  # type: ignore[misc]
        name = "stopped"
        fit = interrupted

    with pytest.raises(KeyboardInterrupt):
        reml.run(tiny(learner=Stopped), out=tmp_path / "out", **QUIET)
    assert list(reml.load(tmp_path / "out").trials["status"]) == ["missing"]


def test_the_process_stays_as_it_was(tiny: Make, tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    reml.run(tiny(), out=tmp_path / "out", **QUIET)
    assert torch.equal(torch.rand(3), expected)


def test_a_class_in_a_file_runs_in_workers(
    tiny: Make, filed: Any, noted: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And scores what the same class does in this process."""
    learners = [filed, {"name": noted, "bandwidth": 1.0}]
    results = reml.run(tiny(learner=learners), out=tmp_path / "out", report=False)
    assert "note: 1 trial of classes" in capsys.readouterr().out
    scores = results.scores
    by = [scores.loc[scores["learner"] == it, "value"].tolist() for it in results.learners]
    assert by[0] == by[1]
    (trial,) = results.trials.loc[results.trials["learner"] == "smoother", "trial"]
    code = results.trials.set_index("trial")["spec"][trial]["learner"]["code"]
    assert code


def test_a_name_that_is_taken_is_refused(tiny: Make, noted: Any, tmp_path: Path) -> None:
    class Other(noted):  # type: ignore[misc]
        name = "maml"

    with pytest.raises(PluginError, match="there is a learner named 'maml' already"):
        reml.run(tiny(learner=Other), out=tmp_path / "out", **QUIET)


def test_installed_classes_are_known_by_their_names(tiny: Make, tmp_path: Path) -> None:
    wanted = tiny(learner=[reml.REML, reml.REML(candidates=4)])
    with pytest.raises(UnknownName) as error:
        reml.run(wanted, out=tmp_path / "out", only="nobody", **QUIET)
    assert "reml (candidates=4)" in str(error.value) or "known: reml" in str(error.value)


def test_a_script_without_a_guard_runs_once(tmp_path: Path) -> None:
    """In a folder that has a `benchmarks` of its own, too."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").write_text("raise RuntimeError('the wrong one')\n")
    (tmp_path / "script.py").write_text(
        "import reml\nprint('begins')\n"
        "few = dict(kind='few_shot', shots=[2], steps=[0], tasks=5, queries=4)\n"
        "matrix = dict(name='tiny', seeds=2, budget=dict(tasks=5), protocol=few,\n"
        "              family='sinusoid', learner='mean')\n"
        "results = reml.run(matrix, out='out', jobs=2, report=False, progress=False)\n"
        "print(results)\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "begins\n<Results of tiny: 2 trials (2 done)>\n", done.stderr


def test_the_command_line_finds_what_the_api_has_run(
    tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reml.run(tiny(), out=tmp_path / "out", **QUIET)
    assert main(["table", str(tmp_path / "out")]) == 0
    assert "| noted" in capsys.readouterr().out
