"""A tiny matrix, and a command that must fail."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import tiny

from benchmarks.cli import main

PLUGIN = Path(__file__).parents[1] / "harness" / "plugins" / "contenders.py"
MATRIX = tiny("guess", "guess-half")
Complaint = Callable[..., str]


@pytest.fixture
def complaint(capsys: pytest.CaptureFixture[str]) -> Complaint:
    """Run a command that must fail, and return its one sentence."""

    def run(*arguments: object) -> str:
        assert main([str(argument) for argument in arguments]) == 2
        errors = capsys.readouterr().err
        assert errors.startswith("reml: ")
        assert errors.count("\n") == 1
        assert "Traceback" not in errors
        return errors.removeprefix("reml: ").rstrip()

    return run


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(MATRIX)
    return path


@pytest.fixture(scope="package")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of `MATRIX`."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "tiny.toml").write_text(MATRIX)
    run = ["run", folder / "tiny.toml", "--plugin", PLUGIN, "--out", folder / "out", "--jobs", "1"]
    assert main([str(argument) for argument in run]) == 0
    return folder / "out"
