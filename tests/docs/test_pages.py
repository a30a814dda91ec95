"""The pages of docs/: what is generated is the program's, what is shown runs, names exist."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import reml
from benchmarks.cli import main
from benchmarks.commands import COMMANDS
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.explaining import explain
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
PATHS = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
START = "getting-started.md"
GENERATED = {"matrix", "learners", "families", "protocols", "cli"}


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(generate: ModuleType) -> dict[str, str]:
    return generate.pages()


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), flags=re.DOTALL)


def test_every_key_of_everything_is_in_the_reference(made: dict[str, str]) -> None:
    registry = Registry()
    for kind, page in (("learner", "learners"), ("family", "families"), ("protocol", "protocols")):
        parts = re.split(r"^## ", made[f"{page}.md"], flags=re.MULTILINE)[1:]
        by_name = {part.partition("\n")[0]: part for part in parts}
        assert sorted(by_name) == registry.names(kind)
        for name, part in by_name.items():
            for key in explain(registry, name, kind).keys:
                assert re.search(rf"^`{key.name}\b", part, flags=re.MULTILINE), (name, key.name)
    for key in (*explain(registry, "matrix").keys, *explain(registry, "maml").common):
        assert f"`{key.name}" in made["matrix.md"]


def test_every_command_and_option_is_in_the_reference(made: dict[str, str]) -> None:
    text = made["cli.md"]
    assert re.findall(r"^## reml (\w+)$", text, flags=re.MULTILINE)
    for command in COMMANDS:
        assert f"\n## reml {command}\n" in text
    assert "--split-by" in text
    assert "--no-figures" in text


def test_what_is_generated_is_written_once(generate: ModuleType, tmp_path: Path) -> None:
    generate.write(tmp_path / "reference")
    before = {it: it.stat().st_mtime_ns for it in (tmp_path / "reference").iterdir()}
    assert {it.stem for it in before} == GENERATED
    generate.write(tmp_path / "reference")
    assert {it: it.stat().st_mtime_ns for it in before} == before


def test_every_page_is_reached_from_the_first() -> None:
    listed = re.findall(
        r"```{toctree}\n.*?\n\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL
    )
    names = [name for part in listed for name in part.split()]
    own = {it for it in names if not it.startswith("reference/")}
    assert own == {it.stem for it in DOCS.glob("*.md")} - {"index"}
    assert {it.removeprefix("reference/") for it in names if it not in own} == GENERATED


def slugs(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    text = re.sub(r"^(```|    ).*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path, made: dict[str, str]) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text):
        if "://" in target:
            continue
        if target.startswith("reference/"):
            there = made[target.removeprefix("reference/")]
        elif target:
            path = page.parent / target
            assert path.exists(), target
            there = path.read_text() if anchor else ""
        else:
            there = text
        assert not anchor or anchor in slugs(there), f"{target}#{anchor}"


def test_the_house_is_as_it_is_drawn() -> None:
    """The picture has the layers that import-linter holds, and each file to copy is there."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (picture,) = re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL)
    drawn = re.findall(r"^[{|]? ?((?:benchmarks\.)?[a-z]+)\b", picture, flags=re.MULTILINE)
    held = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [it.split(" | ") for it in held[0]["layers"]]
    beside = {"benchmarks.options", "benchmarks.terminal"}
    assert set(drawn) == {it for layer in layers for it in layer} - beside
    floors = [next(i for i, layer in enumerate(layers) if it in layer) for it in drawn]
    assert floors == sorted(floors)
    for contract in held:
        for container in contract.get("containers", ()):
            line = re.search(rf"^[{{|]? ?{container} +(.*)$", picture, flags=re.MULTILINE)
            assert line is not None
            rooms = [{*re.findall(r"\w+", it)} for it in line[1].split(" > ")]
            wanted = [{*re.findall(r"\w+", it)} for it in contract["layers"]]
            assert [it for it in wanted if it in rooms] == rooms
    for page in (ROOT / "CONTRIBUTING.md", DOCS / "adding.md"):
        rows = [it for it in page.read_text().splitlines() if it.startswith("| a ")]
        named = re.findall(r"`([\w/]+\.(?:py|md))`", "\n".join(rows))
        assert len(named) >= 5
        assert [it for it in named if not (ROOT / it).is_file()] == []


def test_python_has_what_the_command_line_does() -> None:
    text = (DOCS / "api.md").read_text()
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `reml ")]
    told = {name for left, _ in rows for name in re.findall(r"[a-z]+", left.replace("reml", ""))}
    assert set(COMMANDS) <= told
    named = {name for _, right in rows for name in re.findall(r"`reml\.(\w+)", right)}
    assert len(named) > 10
    for name in named:
        assert (getattr(reml, name).__doc__ or "").strip(), name


def test_the_questions_of_the_page_on_protocols_make_trials(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(blocks("protocols.md", "toml")[0])
    trials = expand(load_matrix(str(tmp_path / "m.toml")), Registry())
    assert {it.protocol.kind for it in trials} == {"few_shot", "outliers"}
    assert len(trials) == 2 * 2 * 3


def test_my_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks("my-pictures.md", "python"):
        exec(block, names)
    accuracy = names["accuracy"]
    assert set(accuracy["learner"]) == {"nearest_centroid", "protonet"}  # type: ignore[index]
    assert accuracy["mean"].between(0.34, 1).all()  # type: ignore[index]
    assert "accuracy" in capsys.readouterr().out


SMALL = """
name = "small"
seeds = 1
budget = { tasks = 10 }
[[protocol]]
kind = "few_shot"
shots = [3]
steps = [0]
tasks = 6
queries = 5
[[family]]
name = "sinusoid"
[[learner]]
name = "mean"
[[learner]]
name = "gp"
"""


def test_parts_of_a_cluster_are_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cluster.md does with two machines, each of which ran one part."""
    monkeypatch.chdir(tmp_path)
    Path("matrix.toml").write_text(SMALL)
    page = (DOCS / "cluster.md").read_text()
    for part in (1, 2):
        command = f"run matrix.toml --shard {part}/2 --out part-{part} --no-figures"
        assert command in page
        assert main([*command.split(), "--jobs", "1"]) == 0
    capsys.readouterr()
    command = "merge part-1 part-2 -o results/all"
    assert command in page
    assert main([*command.split(), "--no-figures"]) == 0
    said = capsys.readouterr().out
    assert "2 trials, 2 done" in said, said
    assert {"mean", "gp"} <= set(re.findall(r"^\| (\w+)", said, flags=re.MULTILINE))


@pytest.mark.skipif(
    any(importlib.util.find_spec(it) is None for it in ("nbclient", "ipykernel")),
    reason="no nbclient here: the extra `docs` has it (tests/api/test_docs.py runs the cells)",
)
def test_jupyter_runs_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbclient
    import nbformat

    monkeypatch.setenv("PYTHONPATH", PATHS)
    notebook = nbformat.read(DOCS / "compare.ipynb", as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    shown = [it for cell in notebook.cells for it in cell.get("outputs", ())]
    assert any("text/html" in it.get("data", {}) for it in shown)
    assert any("image/png" in it.get("data", {}) for it in shown)


@pytest.mark.skipif(
    any(importlib.util.find_spec(it) is None for it in ("sphinx", "myst_parser")),
    reason="no Sphinx here: `make docs` installs it",
)
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*build, str(DOCS), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": PATHS},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reference" / "learners.html").is_file()


def test_pages_agree_on_what_ctrl_c_costs() -> None:
    for page in ("my-csv.md", "getting-started.md", "your-data.md"):
        said = " ".join((DOCS / page).read_text().split())
        assert "goes on from its last checkpoint, some seconds before" in said, page


def test_pages_agree_on_how_long_setting_up_takes() -> None:
    for page in ("../Makefile", "../README.md", START):
        text = (DOCS / page).read_text()
        assert "a minute or two" in text, page
        assert "about a minute" not in text, page


def test_what_a_page_types_on_files_that_are_not_there_says_where_they_are_from() -> None:
    said = (DOCS / START).read_text()
    assert not (ROOT / "gapminder.csv").exists()
    assert "`causaldata/gapminder/gapminder.csv`, and oman.csv its rows of Oman" in said
