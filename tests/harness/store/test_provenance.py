import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.harness.store import provenance


def test_the_command_can_be_pasted_into_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["run", "my matrix.toml", "--only", "reml*"]
    monkeypatch.setattr(sys, "argv", ["/somewhere/reml", *arguments])
    assert shlex.split(provenance.command_line()) == ["reml", *arguments]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Git in a fresh checkout that stands for this project's."""
    monkeypatch.setattr(provenance, "ROOT", tmp_path)

    def run(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True)

    run("init", "--quiet")
    return run


def test_only_changes_of_tracked_code_make_a_commit_dirty(
    git: Callable[..., None], tmp_path: Path
) -> None:
    files = [tmp_path / "benchmarks" / "__init__.py", tmp_path / "results" / "table.csv"]
    for path in files:
        path.parent.mkdir()
        path.write_text("one")
    git("add", ".")
    git("commit", "--quiet", "--message", "First")
    (tmp_path / "notes.txt").write_text("untracked")
    files[1].write_text("made here")
    assert provenance.collect("cpu", "reml run")["dirty"] is False
    files[0].write_text("two")
    assert provenance.collect("cpu", "reml run")["dirty"] is True


def test_the_commit_is_that_of_the_checkout_the_program_lies_in() -> None:
    assert (provenance.ROOT / "benchmarks" / "__init__.py").is_file()
