"""The table of devices says what was measured, and of a GPU that is not there that it was not."""

import itertools
import sys

import pytest
import torch

from benchmarks.speed import devices


def test_a_training_is_timed_on_each_device(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    words = ["devices", "--learners", "cnp", "--times", "1", "--threads", "1", "--seconds", "0"]
    monkeypatch.setattr(sys, "argv", words)
    devices.main()
    about, head, _, row = capsys.readouterr().out.splitlines()
    there = torch.cuda.is_available()
    assert (devices.NO_GPU in about) is not there
    assert ("cuda, ms" in head) is there
    name, tasks, took, *_ = (it.strip() for it in row.strip("|").split("|"))
    assert (name, tasks) == ("cnp", "25")
    assert float(took) > 0


def test_a_hiccup_of_the_machine_is_no_ones_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, hiccups = 0.0, itertools.cycle([0, 0, 9, 0, 0, 0, 0, 30])

    def work(iterations: int) -> None:
        nonlocal now
        now += 4 + 0.5 * iterations + next(hiccups)

    monkeypatch.setattr(devices, "training", lambda *_: work)
    monkeypatch.setattr(devices.time, "perf_counter", lambda: now)
    assert devices.seconds_each("cnp", 1, devices.Place("cpu", 1), 0) == pytest.approx(0.5)


def test_tasks_are_drawn_once() -> None:
    family = devices.Drawn(devices.PICTURES)
    one, two = (family.sample(2, "train", torch.Generator(), shots=1, queries=5) for _ in "ab")
    assert one is two
    assert family.sample(3, "train", torch.Generator(), shots=1, queries=5) is not one
