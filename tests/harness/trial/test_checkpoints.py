"""What is kept of a training while it goes on: how often, and what if it is of no use."""

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from cutting_off import Cut, Go, change, content

from benchmarks.core.errors import UserError
from benchmarks.harness.disk.checkpoints import SECONDS, Checkpoint, seconds_between


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


@pytest.fixture(autouse=True)
def after_each_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS, "0")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (damage, "it is damaged"),
        (lambda it: it.write_bytes(it.read_bytes()[:-200]), "it is damaged"),
        (lambda it: it.write_bytes(b""), "it is damaged"),
        (lambda it: it.write_text("[1, 2]\n\n"), "it is damaged"),
        (lambda it: (it.unlink(), it.mkdir()), "it cannot be read (Is a directory)"),
        (change("torch", "1.13.0"), "it is of another torch"),
        (change("code", "0"), "it is of another code"),
        (change("processor", "m68k"), "it is of another processor"),
        (change("of", {}), "it is of another code and another"),
        (change("training", "somebody's"), "it is of another training"),
        (change("format", 0), "it is of another format"),
    ],
)
def test_what_cannot_be_used_is_said(
    spoil: Callable[[Path], None], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.checkpoint"
    Checkpoint(path, {"training": "mine"}, 0.0).keep(lambda: {"weight": torch.ones(100)})
    kept = Checkpoint(path, {"training": "mine"}, 0.0).read()
    assert kept is not None
    assert kept.state["weight"].sum() == 100
    spoil(path)
    assert Checkpoint(path, {"training": "mine"}, 0.0).read() is None
    start = "a.checkpoint: training begins anew, as the checkpoint is of no use: "
    assert capsys.readouterr().out.startswith(start + said)


@pytest.mark.parametrize("problem", ["full", "gone", "strange"])
def test_what_cannot_be_written_is_said_and_no_more(
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "results" / "trainings" / "a.checkpoint"
    if problem != "gone":
        path.parent.mkdir(parents=True)
    if problem == "full":
        monkeypatch.setattr(Path, "write_bytes", no_room)
    checkpoint = Checkpoint(path, {}, 0.0)
    checkpoint.keep(lambda: {"what": Path if problem == "strange" else 1})
    assert capsys.readouterr().out.startswith("no checkpoint is kept: ")
    assert not [it for it in tmp_path.rglob("*") if it.is_file()]
    assert not checkpoint.due()


def no_room(path: Path, content: bytes) -> int:
    with path.open("wb") as file:
        file.write(content[:10])
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_large_state_is_kept_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took 3 s, of which 150 are a fiftieth."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    checkpoint = Checkpoint(tmp_path / "a.checkpoint", {}, 30.0)

    def slowly() -> dict[str, Any]:
        clock[0] += 3
        return {}

    for at, due in ((29, False), (31, True)):
        clock[0] = at
        assert checkpoint.due() == due
    checkpoint.keep(slowly)
    for at, due in ((34 + 149, False), (34 + 151, True)):
        clock[0] = at
        assert checkpoint.due() == due


def test_a_learner_that_cannot_go_on_after_all_is_trained_anew(
    go: Go, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does what it was told before it failed change a bit."""
    whole = go("deaf", "whole", Cut(None), kept="apart")
    with pytest.raises(KeyboardInterrupt):
        go("deaf", "cut", Cut(5))
    record = go("deaf", "last", Cut(None))
    assert (
        "training begins anew, as it cannot go on: RuntimeError: what is this?"
        in capsys.readouterr().out
    )
    assert content(tmp_path / "last") == content(tmp_path / "whole")
    assert "went_on" not in record
    assert record["spending"].keys() == whole["spending"].keys()


@pytest.mark.parametrize("said", ["soon", "-1", "nan"])
def test_an_interval_that_is_none_is_refused(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS, said)
    with pytest.raises(UserError, match=f"{SECONDS}: expected a number of seconds"):
        seconds_between()


@pytest.mark.parametrize("seconds", ["inf", ""])
def test_what_is_quick_writes_nothing(
    seconds: str, go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECONDS, seconds)
    with pytest.raises(KeyboardInterrupt):
        go("plain", "cut", Cut(5))
    assert not list((tmp_path / "kept").iterdir())
