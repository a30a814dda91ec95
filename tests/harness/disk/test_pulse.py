"""The small file by which a trial that runs can be seen from elsewhere."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.harness.disk import pulse
from benchmarks.harness.disk.pulse import (
    MOST_POINTS,
    PULSE,
    SILENT_SECONDS,
    Pulse,
    Relays,
    forget,
    read_pulse,
)

NAME = "sinusoid-maml-s0-0123456789ab"


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "WRITE_SECONDS", 0.0)


def test_what_is_told_is_read(tmp_path: Path, eager: None) -> None:
    heart = Pulse(tmp_path, NAME)
    heart.logged(100, {"mse": 2.5})
    heart.logged(200, {"mse": 1.5, "rate": 0.1})
    heart.told(0.25, "mse 1.5\nand a second line")
    found = read_pulse(tmp_path, NAME)
    assert found is not None
    assert (found.fraction, found.text, found.pid) == (
        0.25,
        "mse 1.5 and a second line",
        os.getpid(),
    )
    assert found.curves == {"mse": ((100, 2.5), (200, 1.5)), "rate": ((200, 0.1),)}
    assert found.trouble(found.heard + 1) == ""
    assert [it.name for it in tmp_path.iterdir()] == [PULSE]


def test_it_is_written_once_a_second_at_most(tmp_path: Path) -> None:
    heart = Pulse(tmp_path, NAME)
    before = (tmp_path / PULSE).stat().st_ino
    for n in range(1000):
        heart.told(n / 1000, "")
        heart.logged(n, {"mse": 1.0})
    assert (tmp_path / PULSE).stat().st_ino == before


def test_a_long_curve_keeps_its_ends(tmp_path: Path, eager: None) -> None:
    heart = Pulse(tmp_path, NAME)
    for n in range(2000):
        heart.logged(n, {"mse": float(n), **{f"m{i}": 0.0 for i in range(20)}})
    found = read_pulse(tmp_path, NAME)
    assert found is not None
    assert found.curves is not None
    curve = found.curves["mse"]
    assert MOST_POINTS / 3 < len(curve) <= MOST_POINTS
    assert (curve[0], curve[-1]) == ((0, 0.0), (1999, 1999.0))
    assert list(curve) == sorted(curve)
    assert len(found.curves) == pulse.MOST_METRICS


def test_a_process_that_has_ended_is_told_from_one_that_is_silent(tmp_path: Path) -> None:
    code = f"import sys; from pathlib import Path; from {pulse.__name__} import Pulse\n"
    subprocess.run([sys.executable, "-c", f"{code}Pulse(Path({str(tmp_path)!r}), 'x')"], check=True)
    found = read_pulse(tmp_path, NAME)
    assert found is not None
    assert found.trouble(found.heard) == "its process has ended without a result"
    told = json.loads((tmp_path / PULSE).read_text())
    (tmp_path / PULSE).write_text(json.dumps({**told, "machine": "of a cluster"}))
    found = read_pulse(tmp_path, NAME)
    assert found is not None
    assert found.trouble(found.heard + SILENT_SECONDS - 1) == ""
    assert "nothing was heard of it for 1 h 00 min" in found.trouble(found.heard + 3600)


TOLD = {"started": 1, "fraction": 0, "text": "", "host": "", "machine": "", "pid": 1, "curves": {}}


@pytest.mark.parametrize(
    "content",
    [
        *("", "nothing", "[1]", "{}", '{"fraction": 1e999}', "[" * 100_000),
        *(
            json.dumps({**TOLD, **wrong})
            for wrong in (
                {"fraction": float("nan")},
                {"curves": 3},
                {"curves": {"mse": [1, 2]}},
                {"pid": "x"},
                {"started": None},
            )
        ),
    ],
)
def test_what_a_learner_has_put_there_is_not_believed(tmp_path: Path, content: str) -> None:
    (tmp_path / PULSE).write_text(content)
    assert read_pulse(tmp_path, NAME) is None


def test_a_pipe_or_a_link_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / PULSE)
    assert read_pulse(tmp_path, NAME) is None
    (tmp_path / PULSE).unlink()
    (tmp_path / PULSE).symlink_to("/dev/zero")
    assert read_pulse(tmp_path, NAME) is None


def test_a_folder_without_one_has_just_been_made(tmp_path: Path) -> None:
    found = read_pulse(tmp_path, NAME)
    assert found is not None
    assert (found.text, found.fraction) == ("starting", 0.0)
    assert read_pulse(tmp_path / "gone", NAME) is None


def test_it_fails_nothing_where_it_cannot_be_written(tmp_path: Path, eager: None) -> None:
    heart = Pulse(tmp_path / "gone", NAME)
    heart.told(0.5, "")
    heart.logged(1, {"mse": 1.0})
    assert not (tmp_path / "gone").exists()


def test_nothing_of_it_is_left_when_a_trial_is_stored(tmp_path: Path) -> None:
    Pulse(tmp_path, NAME)
    (tmp_path / f".{PULSE}-01234567").write_text("half of")
    (tmp_path / "trial.json").write_text("{}")
    forget(tmp_path)
    assert [it.name for it in tmp_path.iterdir()] == ["trial.json"]


def test_what_is_told_from_afar_is_written_here_unless_it_is_there(
    tmp_path: Path, eager: None
) -> None:
    relays = Relays()
    relays.said(tmp_path, NAME, [0.5, "mse 2"])
    relays.said(tmp_path, NAME, {"tasks": 3, "metrics": {"mse": 2.0}})
    found = read_pulse(tmp_path, NAME)
    assert found is not None
    assert (found.fraction, found.text) == (0.5, "mse 2")
    before = (tmp_path / PULSE).read_text()
    other = Relays()
    other.said(tmp_path, NAME, [0.9, "by another"])
    assert (tmp_path / PULSE).read_text() == before
    for each, at in ((other, 1000.0), (relays, pytest.approx(time.time(), abs=60))):
        os.utime(tmp_path / PULSE, (1000, 1000))
        each.beat()
        assert (tmp_path / PULSE).stat().st_mtime == at


def test_what_is_silent_afar_is_not_taken_for_dead_and_leaves_nothing(tmp_path: Path) -> None:
    relays = Relays()
    relays.said(tmp_path, NAME, [0.5, "mse 2"])
    long_ago = time.time() - 2 * SILENT_SECONDS
    os.utime(tmp_path / PULSE, (long_ago, long_ago))
    relays.beat()
    found = read_pulse(tmp_path, NAME)
    assert found is not None
    assert found.trouble(time.time()) == ""
    os.utime(tmp_path / PULSE, (long_ago, long_ago))
    relays.beat()  # not so soon again
    assert (tmp_path / PULSE).stat().st_mtime == pytest.approx(long_ago)
    relays.ended(tmp_path)
    relays.beat()
    assert not [*tmp_path.iterdir()]
    (tmp_path / PULSE).touch()
    relays.said(tmp_path, NAME, [0.5, "mse 2"])
    relays.ended(tmp_path)  # somebody else's
    assert (tmp_path / PULSE).exists()
