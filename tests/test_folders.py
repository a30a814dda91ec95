"""What is the user's stays the user's, and what cannot be kept is shown."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import tiny

from benchmarks.cli import main
from benchmarks.harness.disk.files import read_json, write_json
from benchmarks.harness.store import lock
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.ledger import LIST, Ledger
from benchmarks.harness.store.lock import locked
from benchmarks.report.figures.cleanup import remove_report

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "tests" / "harness" / "plugins" / "contenders.py"
MATRIX = tiny("mean", "guess", seeds=2)
USERS = ("figures/fig1.png", "index.md", "table.csv", "report.html", "trials/notes.txt")
Snapshot = dict[str, bytes | None]


def snapshot(folder: Path) -> Snapshot:
    paths = sorted(folder.rglob("*"))
    return {str(it.relative_to(folder)): it.read_bytes() if it.is_file() else None for it in paths}


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"the user's {name}")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a matrix, and its results in `out`."""
    top = tmp_path_factory.mktemp("folders")
    (top / "tiny.toml").write_text(MATRIX)
    assert main(run_of(top / "tiny.toml", top / "out")) == 0
    return top


@pytest.fixture
def top(done: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(done, tmp_path / "top"))


def run_of(matrix: Path, out: Path, *more: str) -> list[str]:
    return ["run", str(matrix), "--out", str(out), "--jobs", "1", "--plugin", str(PLUGIN), *more]


def empty(folder: Path) -> None:
    folder.mkdir()


def hidden(folder: Path) -> None:
    write(folder, ".git/config", ".hidden")


def with_a_matrix_of_its_own(folder: Path) -> None:
    write(folder, *USERS)
    write_json(folder / "matrix.json", {"name": "tiny", "rows": [[1, 0], [0, 1]]})


def published_by_hand(folder: Path) -> None:
    write(folder, "trials.json", "scores.parquet")


def with_a_list_of_sums(folder: Path) -> None:
    write(folder, "SHA256SUMS", "matrix.csv")


def with_a_lock_of_its_own(folder: Path) -> None:
    write(folder, ".lock")


def reports(folder: Path) -> None:
    write(folder, *USERS)


@pytest.mark.parametrize(
    "make",
    [
        *(reports, hidden, with_a_matrix_of_its_own, published_by_hand),
        *(with_a_list_of_sums, with_a_lock_of_its_own),
    ],
)
@pytest.mark.parametrize("way", ["folder", "link", "here"])
def test_a_folder_of_the_user_is_refused(
    tmp_path: Path,
    make: Callable[[Path], None],
    way: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "tiny.toml").write_text(MATRIX)
    mine = out = tmp_path / "mine"
    make(mine)
    if way == "link":
        out = tmp_path / "link"
        out.symlink_to(mine)
    if way == "here":
        monkeypatch.chdir(mine)
        out = Path()
    before = snapshot(tmp_path)
    assert main(run_of(tmp_path / "tiny.toml", out)) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len([line for line in errors if line.startswith("reml: ")]) == 1
    assert snapshot(tmp_path) == before


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tiny.toml").write_text(MATRIX)
    assert main(run_of(tmp_path / "tiny.toml", tmp_path / "tiny.toml")) == 2
    assert "is a file" in capsys.readouterr().err
    assert (tmp_path / "tiny.toml").read_text() == MATRIX


def test_what_a_run_that_was_killed_at_once_left_is_no_ones(tmp_path: Path) -> None:
    matrix = {"name": "tiny", "learners": [], "protocols": [], "trials": []}
    for names in ((".lock",), (".lock", ".matrix.json-01234567"), (".lock", LIST)):
        folder = tmp_path / str(len(names)) / names[-1]
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch()
        with ResultsFolder(folder).open(matrix):
            assert read_json(folder / "matrix.json") == matrix


def test_what_the_user_keeps_among_results_stays(
    top: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = top / "out"
    mine = ("figures/fig1.png", "figures/retention.svg", "notes.md", "reproduce.md", ".mine")
    write(out, *mine)
    (out / "table.md").write_text("changed by hand")
    for command in ("table", "plot", "reproduce"):
        assert main([command, str(out)]) == 0
    remove_report(out)
    for name in mine:
        assert (out / name).read_text() == f"the user's {name}"
    assert (out / "table.md.1").read_text() == "changed by hand"
    assert not (out / "table.csv").exists()
    assert "table.md.1" in capsys.readouterr().err


def test_results_of_former_versions_are_ours_by_their_names(top: Path) -> None:
    out = top / "out"
    (out / LIST).unlink()
    write(out, "figures/fig1.png", "table.csv.old")
    remove_report(out)
    left = [path.name for path in (out / "figures").iterdir()]
    assert left == ["fig1.png"]
    assert (out / "table.csv.old").is_file()
    assert not (out / "table.csv").exists()


def _published_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    if not listed:
        pytest.skip("no checkout")
    return listed


def test_published_results_are_small() -> None:
    """`reml publish` writes them so; figures are those that the docs show."""
    sizes = {it: (ROOT / it).stat().st_size for it in _published_files() if (ROOT / it).is_file()}
    assert sum(sizes.values()) < 12_000_000
    assert {it for it, size in sizes.items() if size > 2_000_000} == set()
    assert {it for it in sizes if it.endswith((".svg", ".html", ".pt"))} == set()


def test_all_published_names_are_known() -> None:
    listed = _published_files()
    published: dict[Path, set[str]] = {}
    for path in map(Path, listed):
        folder = Path(*path.parts[:2])
        published.setdefault(folder, set()).add(str(path.relative_to(folder)))
    odd = {
        it for folder, names in published.items() for it in names - {*Ledger(ROOT / folder).names()}
    }
    assert odd <= {LIST}


def test_a_damaged_matrix_of_ours_is_written_anew(
    top: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, folder = top / "out", ResultsFolder(top / "out")
    matrix = read_json(out / "matrix.json")
    whole = (out / "matrix.json").read_bytes()
    for content in (whole[:50], whole.replace(b'"tiny"', b'"tinx"'), b""):
        (out / "matrix.json").write_bytes(content)
        with folder.open(matrix):
            assert (out / "matrix.json").read_bytes() == whole
        assert "matrix.json" in capsys.readouterr().err


def test_force_keeps_what_it_has_not_repeated(
    top: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(top / "out" / "trials")
    asked = {}

    def interrupted(left: object, *_: object, **options: object) -> None:
        asked.update(left=left, done=options["done"])
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.api.running.run_trials", interrupted)
    assert main(run_of(top / "tiny.toml", top / "out", "--force")) == 130
    assert snapshot(top / "out" / "trials") == before
    assert (len(asked["left"]), asked["done"]) == (4, [])  # nobody takes an old learner over
    assert "as before" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["table", "plot", "report", "reproduce", "compare"])
@pytest.mark.parametrize("hindrance", ["read-only", "run"])
def test_what_cannot_be_kept_is_shown(
    top: Path,
    command: str,
    hindrance: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = top / "out"
    before = snapshot(out)
    asked = [command, str(out), *([str(out)] if command == "compare" else [])]
    if hindrance == "run":
        with locked(out, "run"):
            before = snapshot(out)
            assert main(asked) == 0
            assert snapshot(out) == before
    elif os.geteuid() == 0:  # whom no mode keeps from writing
        monkeypatch.setattr(lock, "LOCK", "no/such/folder")
        assert main(asked) == 0
        assert snapshot(out) == before
    else:
        for path in (out, *out.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            assert main(asked) == 0
            assert snapshot(out) == before
        finally:
            for path in (out, *out.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
    shown = capsys.readouterr()
    assert len(shown.out) > 100
    assert shown.err.count("shown, but not kept") == (command != "compare")


def test_a_run_waits_for_a_report_and_not_for_a_run(top: Path) -> None:
    out, matrix = top / "out", read_json(top / "out" / "matrix.json")
    waited = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        report.__exit__(None, None, None)

    report = locked(out, "report")
    report.__enter__()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.harness.store.lock.time.sleep", pause)
        with ResultsFolder(out).open(matrix), pytest.raises(lock.InUse), locked(out, "report"):
            pass
    assert len(waited) == 1


def test_the_list_survives_being_cut(top: Path) -> None:
    out = top / "out"
    Ledger(out).tidy()
    whole = (out / LIST).read_text().splitlines(keepends=True)
    names = set(Ledger(out).names())
    assert {"matrix.json", "table.csv", "scores.parquet"} <= names
    for cut in ("", "".join(whole[:3]), "".join(whole)[:-20], "#", "\0" * 9):
        (out / LIST).write_text(cut)
        assert set(Ledger(out).names()) == names
