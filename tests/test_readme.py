"""README's numbers, and those of docs, are those of the committed results, to the letter."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.harness.plan.expand import arrange, expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.matrix_file import bundled
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.trial.trial import run_trial
from benchmarks.harness.tuning.known import Known

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
README = (ROOT / "README.md").read_text()
PAGES = sorted((ROOT / "docs").glob("*.md"))
YOUR_DATA = (ROOT / "docs" / "your-data.md").read_text()
SECTIONS = re.split(r"^## ", (ROOT / "docs" / "results.md").read_text(), flags=re.MULTILINE)[1:]
SECTIONS += re.split(r"^##+ ", README, flags=re.MULTILINE)[1:]
RESULTS = [section for section in SECTIONS if "/index.md)" in section]


def _rows(text: str) -> list[str]:
    """The rows of tables whose cells are numbers with intervals."""
    return [line for line in text.splitlines() if line.startswith("|") and " [" in line]


@pytest.mark.parametrize("section", RESULTS, ids=lambda section: section.splitlines()[0])
def test_every_row_stands_in_the_table_it_names(section: str) -> None:
    found = re.search(r"results/([\w-]+)/index\.md\)", section)
    assert found is not None
    matrix = found.group(1)
    assert f"reml run {matrix}`" in section
    assert matrix in bundled()
    table = (ROOT / "results" / matrix / "index.md").read_text().splitlines()
    rows = _rows(section)
    assert rows
    assert [row for row in rows if row not in table] == []


def test_all_results_are_of_clean_commits() -> None:
    assert len(RESULTS) == 16
    for section in RESULTS:
        found = re.search(r"results/([\w-]+)/index\.md\)", section)
        assert found is not None
        assert "uncommitted" not in (ROOT / "results" / found.group(1) / "index.md").read_text()


PUBLISHED = sorted(
    path.parent.name
    for path in ROOT.glob("results/*/trials.json")
    if not (path.parent / "trials").exists()  # a run of the reader's own
)


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name in bundled()])
def test_published_results_are_of_the_matrix_as_it_is(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the command in the README shows them, and runs no trial anew."""
    if DATA.is_dir():
        monkeypatch.setenv("REML_DATA", str(DATA))
    elif name in ("metoffice", "metoffice-tuned", "omniglot-cpu", "omniglot-exact"):
        pytest.skip("no ../shared/data beside the project")
    matrix = json.loads((ROOT / "results" / name / "matrix.json").read_text())
    published = {row["trial"] for row in matrix["trials"]}
    found, registry = load_matrix(name), Registry()
    known = Known(found, arrange(found, registry), registry, ROOT / "results" / name)
    assert known.complete
    assert published == {trial.id for trial in known.trials}


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the project")
def test_the_matrix_shown_is_one_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"```toml\n(.*?)```", YOUR_DATA, flags=re.DOTALL)
    assert found is not None
    (tmp_path / "my_matrix.toml").write_text(found.group(1))
    monkeypatch.setenv("REML_DATA", str(DATA))
    trials = expand(load_matrix(str(tmp_path / "my_matrix.toml")), Registry())
    labels = {trial.learner.label for trial in trials}
    assert labels == {"maml (inner_lr=0.01)", "maml (inner_lr=0.1)", "reml (16 candidates)"}
    assert len(trials) == 9


def test_the_example_with_pictures_is_one_that_runs(tmp_path: Path) -> None:
    found = re.findall(r"```toml\n(.*?)```", YOUR_DATA, flags=re.DOTALL)[1]
    head = 'name = "mine"\nseeds = 1\n[budget]\ntasks = 8\n'
    protocol = '[[protocol]]\nkind = "few_shot"\nshots = [1]\nsteps = [0, 1]\n'
    few = "tasks = 5\nqueries = 10\n"
    (tmp_path / "mine.toml").write_text(head + protocol + few + found)
    rng = np.random.default_rng(0)
    for place in range(30):
        folder = tmp_path / "my_pictures" / f"class{place}"
        folder.mkdir(parents=True)
        for drawing in range(12):
            pixels = rng.integers(0, 256, (20, 20), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{drawing}.png")
    trials = expand(load_matrix(str(tmp_path / "mine.toml")), Registry())
    assert {trial.learner.label for trial in trials} == {"maml", "reml", "protonet"}
    for trial in trials:
        record = run_trial(trial, Registry(), tmp_path)
        assert record["status"] == "done", record["reason"]


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_pictures_and_links_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target and not target.startswith("reference/"):  # which `make docs` writes
            assert (page.parent / target).exists(), target


def test_the_readme_is_one_that_people_read() -> None:
    assert README.count("\n") <= 200


def test_the_example_of_protocols_is_one_that_runs(tmp_path: Path) -> None:
    found = re.findall(r"```toml\n(.*?)```", YOUR_DATA, flags=re.DOTALL)[2]
    head = 'name = "mine"\nseeds = 1\n[budget]\ntasks = 50\n'
    learner = '[[learner]]\nname = "maml"\n[[learner]]\nname = "scratch"\n'
    (tmp_path / "mine.toml").write_text(head + found + learner)
    trials = expand(load_matrix(str(tmp_path / "mine.toml")), Registry())
    assert [trial.protocol.label for trial in trials if trial.learner.label == "maml"] == [
        "transfer",
        "unrelated: lines",
        "retention: lines",
    ]
    record = run_trial(trials[-1], Registry(), tmp_path)
    assert record["status"] == "done", record["reason"]
