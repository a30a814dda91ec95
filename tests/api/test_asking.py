"""What the command line says is what Python is told."""

from pathlib import Path

import pandas as pd
import pytest

import reml
from baselines.mean import Mean
from benchmarks.cli import main
from benchmarks.core.errors import UnknownName

ROWS = pd.DataFrame(
    [
        {"who": f"p{person}", "dose": dose / 4, "answer": person % 5 + (person % 3) * dose / 4}
        for person in range(30)
        for dose in range(9)
    ]
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    ROWS.to_csv("rows.csv", index=False)
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "typed"),
    [
        (lambda: reml.catalogue(), ["list"]),
        (lambda: reml.help("maml", "inner_lr"), ["help", "maml", "inner_lr"]),
        (lambda: reml.help("few_shot"), ["help", "few_shot"]),
    ],
)
def test_what_there_is(asked, typed, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(typed) == 0
    assert asked() == capsys.readouterr().out.rstrip("\n")


def test_from_data_to_predictions(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    out = reml.init("rows.csv", "mine.toml", task="who", x="dose", y=["answer"], say=said.append)
    assert main(["init", "rows.csv", "--task", "who", "--x", "dose", "--y", "answer"]) == 0
    assert Path("matrix.toml").read_text() == out.read_text()
    assert "\n".join(said).replace("mine", "matrix") == capsys.readouterr().out.rstrip("\n")

    small = {"shots": 3, "steps": 0, "seeds": 2, "report": False, "progress": False}
    results = reml.compare(ROWS, task="who", y="answer", learners=["mean", "gp"], **small)
    folder = results.directory
    assert "4 done, 0 failed" in reml.status(folder)
    ROWS[:5].to_csv("seen.csv", index=False)
    ROWS[5:9].drop(columns="answer").to_csv("asked.csv", index=False)
    predicted = reml.predict(folder, "seen.csv", "asked.csv", learner="gp")
    assert len(predicted) == 4
    typed = ["predict", str(folder), "--learner", "gp", "--support", "seen.csv"]
    assert main([*typed, "--query", "asked.csv", "--out", "told.csv"]) == 0
    assert predicted.to_csv(index=False) == Path("told.csv").read_text()
    assert "gp" in reml.differences(folder, folder)
    assert (reml.publish(folder, "small") / "table.csv").is_file()
    assert "4 done" in reml.status("small")
    capsys.readouterr()
    assert main(["reproduce", str(folder)]) == 0
    assert reml.reproduce(folder).rstrip("\n") == capsys.readouterr().out.rstrip("\n")
    assert main(["regroup", str(folder)]) == 0
    known = "none of its test tasks has a name or a group that is not stored"
    assert reml.regroup(folder) == int(known not in capsys.readouterr().out)


def test_laws_and_first_files(here: Path) -> None:
    assert reml.check(Mean) == {} == reml.check("mean")
    assert reml.check("retention", then="lines") == {} == reml.check("sinusoid", phase_high=1.0)
    with pytest.raises(UnknownName, match="unknown key 'phase'"):
        reml.check("sinusoid", phase=1.0)
    assert {it.name for it in reml.new("protocol", "gentle")} >= {"gentle.toml", "test_gentle.py"}
    with pytest.raises(UnknownName, match="unknown kind 'leaner'; did you mean 'learner'"):
        reml.new("leaner", "x")
