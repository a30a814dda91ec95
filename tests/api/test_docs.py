"""The pages of docs/ and the notebook run as they are; so does what the README shows of Python."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), flags=re.DOTALL)


def run_cell(code: str, names: dict[str, Any]) -> Any:
    """Run it as a notebook does: the value of the last expression is shown."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)  # type: ignore[attr-defined]


def in_order(
    cells: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], list[Any]]:
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {"__name__": "__main__"}
    return names, [run_cell(cell, names) for cell in cells]


def test_my_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = blocks("my-csv.md")
    assert len(cells[1].strip().splitlines()) < 10
    names, _ = in_order(cells, tmp_path, monkeypatch)
    said = capsys.readouterr().out
    line = re.search(r"^In Python: (reml\.load.*)$", said, flags=re.MULTILINE)
    assert line is not None
    new = {**names, "X": names["seen"], "y": names["seen"]["degrees"], "X_new": names["seen"]}
    assert eval(line[1], new).shape == (4,)
    assert set(names["per_task"].index.levels[0]) == {"mean", "gp", "cnp"}
    assert names["std"].shape == names["degrees"].shape == (3,)
    assert abs(names["degrees"] - 12).max() < 15
    assert (names["results"].directory / "data").is_dir()


def test_my_learner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names, _ = in_order(blocks("my-learner.md"), tmp_path, monkeypatch)
    said = capsys.readouterr().out
    assert set(names["results"].trials["status"]) == {"done"}
    assert "note: 8 trials of classes that are in no file of their own" in said
    assert said.count("begins shrunken") == 4
    assert said.count("ended done") == 4


def test_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = json.loads((DOCS / "compare.ipynb").read_text())
    cells = ["".join(it["source"]) for it in notebook["cells"] if it["cell_type"] == "code"]
    assert len(cells[1].strip().splitlines()) < 10
    names, shown = in_order(cells, tmp_path, monkeypatch)
    results, table, axes, (predicted, std) = shown[1:]
    assert "<table" in results._repr_html_()
    assert set(table["learner"]) == {"mean", "gp"}
    assert len(axes) == len(axes.figure.axes) > 0
    new = names["new"]["answer"][4:].to_numpy()
    assert abs(predicted - new).max() < 6 * std.max()
