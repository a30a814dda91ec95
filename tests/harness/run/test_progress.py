import time
from collections.abc import Callable
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from benchmarks.core.text import clock, count
from benchmarks.harness.disk.pulse import GOES_ON
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.run.first_scores import Score
from benchmarks.harness.run.progress import LiveProgress, PlainProgress, Tally, name, watch

Trials = Callable[..., list[TrialSpec]]


def test_the_tally_expects_what_it_has_seen(
    trials_of: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    first, second, third, fourth = trials_of("guess", "mean")
    tally = Tally([first, second, third, fourth], jobs=1)
    assert tally.seconds_left() is None
    tally.started(first)
    now = 10.0
    tally.running[first.id].fraction = 0.5
    assert tally.seconds_left() == pytest.approx(10 + 3 * 20)
    assert tally.fraction == pytest.approx(0.5 / 4)
    now = 20.0
    assert tally.ended(first, "done") == 20
    tally.started(third)
    now = 24.0
    tally.ended(third, "done")
    assert tally.seconds_left() == pytest.approx(20 + 4)
    assert str(tally) == "2 of 4 done, 0 running, 0 failed, 24 s left"


def test_the_tally_expects_of_what_goes_on_only_what_is_left(
    trials_of: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    first, second, *_ = trials_of("guess", "mean")
    tally = Tally([first, second], jobs=1)
    tally.started(first)
    assert tally.advanced(first, 0.5, f"{GOES_ON} 50 %")
    now = 10.0
    assert not tally.advanced(first, 0.7, "loss 1")
    assert tally.seconds_left() == pytest.approx(15 + 50)
    now = 25.0
    tally.ended(first, "done")
    assert tally.seconds_left() == pytest.approx(50)


def test_clocks() -> None:
    assert [clock(seconds) for seconds in (4.4, 65, 7800)] == ["4 s", "1 min 05 s", "2 h 10 min"]


def test_counts() -> None:
    assert [count(number, "task") for number in (0, 1, 1200)] == [
        "0 tasks",
        "1 task",
        "1,200 tasks",
    ]


def test_the_live_display_shows_each_running_trial(trials_of: Trials) -> None:
    screen = StringIO()
    first, second = trials_of("guess")
    console = Console(file=screen, force_terminal=True, width=100, _environ={})
    with LiveProgress([first, second], 1, console) as progress:
        progress.started(first)
        progress.advanced(first, 0.42, "loss 1.23 [odd]")
        progress.tick()
        assert "guess on sinusoid, seed 0" in screen.getvalue()
        progress.ended(first, "failed", "ValueError: [no] markup")
    text = screen.getvalue()
    for part in ("42 %", "loss 1.23 [odd]", "0 of 2 done, 1 running", "ValueError: [no] markup"):
        assert part in text


def test_without_a_terminal_there_are_plain_lines(
    trials_of: Trials, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    first, second = trials_of("guess")
    progress = watch([first, second], 2)
    assert isinstance(progress, PlainProgress)
    progress.started(first)
    progress.advanced(first, 0.5, "loss 1.23")
    now = 4.0
    progress.tick()  # too soon for another line
    now = 6.0
    progress.tick()
    progress.tick()
    progress.ended(first, "done", None)
    assert capsys.readouterr().out.splitlines() == [
        "start  guess on sinusoid, seed 0",
        "       0 of 2 done, 1 running, 0 failed, 9 s left "
        "(guess on sinusoid, seed 0: 50% loss 1.23)",
        "done   guess on sinusoid, seed 0 in 6 s",
    ]


def test_a_trial_that_ends_says_what_it_scored(
    trials_of: Trials, capsys: pytest.CaptureFixture[str]
) -> None:
    (first, second) = trials_of("guess")
    with PlainProgress([first, second], 1) as progress:
        for spec, value in ((first, 0.4561), (second, 0.5)):
            progress.started(spec)
            progress.scored(spec, Score("mse", 5, 10, value))
            progress.ended(spec, "done", None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("seed 0 in 0 s: MSE 0.456 after 10 steps, 5 shots")
    assert lines[3].startswith("done   guess on sinusoid, seed 1")


def test_the_live_display_has_a_table_that_grows(trials_of: Trials) -> None:
    screen = StringIO()
    first, second = trials_of("guess")
    with LiveProgress([first, second], 1, Console(file=screen, width=100)) as progress:
        for spec, value in ((first, 0.5), (second, 1.0)):
            progress.started(spec)
            progress.scored(spec, Score("accuracy", 1, 10, value))
            progress.ended(spec, "done", None)
        whole = StringIO()
        Console(file=whole, width=100).print(progress._view())
    assert "so far, not final" in whole.getvalue()
    assert "accuracy in % 75.0" in " ".join(whole.getvalue().split())
    assert "after 10 steps, 1 shot" in whole.getvalue()


def test_names_tell_protocols_and_folds_apart(trials_of: Trials) -> None:
    spec = trials_of("guess")[0]
    others = [
        spec,
        replace(spec, protocol=spec.protocol.model_copy(update={"label": "hard"})),
        replace(spec, fold=0),
        replace(spec, fold=1),
    ]
    assert len({name(it) for it in others}) == 4
    assert name(others[1]) == "guess on sinusoid, hard, seed 0"
