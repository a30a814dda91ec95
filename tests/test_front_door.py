"""`import reml` and `reml`, wherever one is: cheap, and never some other `benchmarks`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import tiny

ROOT = Path(__file__).parents[1]
MATRIX = tiny("mean", steps="[0]", tasks=6)


def _python(folder: Path, *arguments: str) -> str:
    """What Python prints there, with this checkout to be found as if it were installed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONSAFEPATH", None)  # a run in this process has set it for its workers
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=["package", "folder"])
def crowded(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with folders of its own that are called like packages of this project."""
    for name in ("benchmarks", "baselines"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text("mine")
        if request.param == "package":
            (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the wrong one')\n")
    (tmp_path / "tiny.toml").write_text(MATRIX)
    return tmp_path


def test_a_folder_called_benchmarks_shadows_nothing_of_a_script(crowded: Path) -> None:
    (crowded / "script.py").write_text(
        "import reml\nfrom baselines.mean import Mean\nfrom benchmarks.core import Budget\n"
        "print(reml.REML.__name__, Mean.__name__, Budget.__name__)\n"
    )
    assert _python(crowded, "script.py") == "REML Mean Budget\n"


def test_a_folder_called_benchmarks_shadows_nothing_of_a_run(crowded: Path) -> None:
    command = ("run", "tiny.toml", "--no-figures", "--out", "there")
    assert "mean" in _python(crowded, "-m", "reml", *command)
    assert (crowded / "there" / "table.csv").is_file()
    assert (crowded / "benchmarks" / "mine.txt").read_text() == "mine"


def test_importing_reml_imports_nothing_slow(tmp_path: Path) -> None:
    words = "import reml, sys; print(sorted({'torch', 'pandas', 'numpy'} & set(sys.modules)))"
    assert _python(tmp_path, "-c", words) == "[]\n"


def test_another_project_s_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").write_text("")
    (tmp_path / "script.py").write_text(
        "import benchmarks\ntry:\n    import reml\nexcept ImportError as error:\n    print(error)\n"
    )
    assert "'benchmarks' of another project" in _python(tmp_path, "script.py")
