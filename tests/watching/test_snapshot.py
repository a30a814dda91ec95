"""What a folder says of its run, on whichever machine that runs."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from benchmarks.cli import main
from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.pulse import PULSE, Pulse
from benchmarks.watching.discreet import discreet
from benchmarks.watching.snapshot import Watcher
from benchmarks.watching.terminal import watch_here
from benchmarks.watching.view import Viewer, heights, points, spark

Make = Callable[[Path], Any]
ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "maml-paper"


def listed(directory: Path) -> list[tuple[str, int]]:
    return sorted((str(it), it.stat().st_mtime_ns) for it in directory.rglob("*"))


def test_it_says_what_is_done_running_and_failed_and_writes_nothing(midst: Any) -> None:
    before = listed(midst.directory)
    view = Viewer(midst.directory).look()
    run = view.run
    assert dict(run.counts) == {"done": 1, "cannot": 0, "failed": 1, "missing": 4}
    assert [it.title for it in run.running] == [
        "ridge on sinusoid, seed 0",
        "ridge on sinusoid, seed 1",
    ]
    mine, lost = run.running
    assert (mine.fraction, mine.trouble, mine.metric) == (0.25, "", "query_loss")
    assert len(mine.curve) == 20
    assert (lost.host, run.alive) == ("node7", 1)
    assert "nothing was heard of it for" in lost.trouble
    assert "1 of 6 trials done, 1 running, 1 failed; about" in run.state
    assert run.seconds_left is not None
    assert not view.final
    (section,) = view.tables.sections
    assert section.heading == "sinusoid, 2 shots"
    assert section.sheets[0].rows[0][1].text.startswith("⚠ ")
    assert listed(midst.directory) == before


def test_reasons_and_texts_are_without_folders_and_secrets(midst: Any) -> None:
    run = Viewer(midst.directory).run()
    ((_, reason),) = run.failed
    told = reason + " ".join(it.text for it in run.running)
    assert "abc123secret" not in told
    assert "somebody" not in told
    assert "data.csv" in told


def test_what_has_ended_is_read_once(midst: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher(midst.directory)
    first = watcher.look()
    monkeypatch.setattr("benchmarks.watching.snapshot.sound_record", None)
    assert watcher.look().version == first.version


def test_what_happens_is_seen(tmp_path: Path, make_midst: Make) -> None:
    midst = make_midst(tmp_path / "run")
    viewer = Viewer(midst.directory)
    assert viewer.look().run.state.endswith("6 missing, and nothing runs at the moment")
    midst.begin("mean", 0)
    waiting = midst.folder.begin(midst.trials[-1].id)
    assert viewer.run().alive == 2
    os.utime(waiting, (1e9, 1e9))  # in a queue, or of a run that was killed at once
    assert viewer.run().alive == len(viewer.run().running) == 1
    midst.finish("mean", 0)
    shutil.rmtree(next(it.parent for it in midst.directory.rglob(PULSE)))
    found = viewer.run()
    assert (found.alive, found.counts["done"]) == (0, 1)
    for it in midst.trials:
        midst.fail(it.learner.label, it.seed)
    assert viewer.look().final
    shutil.rmtree(midst.directory)
    with pytest.raises(StoreError, match="there is no such folder"):
        viewer.look()


def test_settings_that_are_searched_run_too(tmp_path: Path, make_midst: Make) -> None:
    midst = make_midst(tmp_path / "run")
    place = midst.directory / "tuning" / "trials" / ".tmp-line-cnp-s7-0123456789ab-01234567"
    place.mkdir(parents=True)
    Pulse(place, "line-cnp-s7-0123456789ab")
    run = Viewer(midst.directory).run()
    assert [it.title for it in run.running] == ["settings of line-cnp-s7-0123456789ab"]
    assert run.state.endswith("1 running, 0 failed; nobody knows yet how long it will take")


def test_a_terminal_shows_progress_and_the_table(midst: Any) -> None:
    from benchmarks.watching.terminal import _shown

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, height=60, _environ={})
    view = Viewer(midst.directory).look()
    for it in _shown(view.run, view.tables.sections, console):
        console.print(it)
    shown = screen.getvalue()
    for text in ("ridge on sinusoid, seed 0", "25%", "█", "<i>new</i>", "not final", "learner"):
        assert text in shown
    assert max(map(len, Text.from_ansi(shown).plain.splitlines())) <= 120


@pytest.mark.parametrize("width", [20, 60, 300])
def test_a_finished_run_is_a_final_table_at_any_width(width: int) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, _environ={})
    assert watch_here(PUBLISHED, console).over
    assert "nothing is left to do" in screen.getvalue().replace("\n", " ")
    assert "not final" not in screen.getvalue()


def test_without_a_terminal_it_ends_when_nothing_runs(
    tmp_path: Path, make_midst: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    midst = make_midst(tmp_path / "run")
    midst.begin("ridge", 1, machine="node7")
    assert main(["watch", str(midst.directory)]) == 0
    said = capsys.readouterr().out
    assert "6 missing, and nothing runs at the moment" in said
    assert "on node7: nothing was heard of it" in said
    assert "`reml run` goes on from here" in said


@pytest.mark.parametrize("made", [None, "empty", "file", "other"])
@pytest.mark.parametrize("options", [[], ["--web", "--no-open", "--port", "0"]])
def test_what_is_no_results_folder_is_said_in_a_sentence(
    tmp_path: Path, made: str | None, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "there"
    if made == "file":
        place.write_text("")
    elif made:
        place.mkdir()
    if made == "other":
        (place / "matrix.json").write_text("[]")
    assert main(["watch", str(place), *options]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"reml: {place}")


def test_the_page_s_options_are_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--port", "80"], ["--no-open"]):
        assert main(["watch", str(PUBLISHED), *options]) == 2
        assert "add --web" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--web", "--no-open", "--port", "0"]])
def test_ctrl_c_ends_it(midst: Any, options: list[str]) -> None:
    arguments = [sys.executable, "-m", "reml", "watch", str(midst.directory), *options]
    watching = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert watching.stdout is not None
    first = watching.stdout.readline()
    assert ("http://127.0.0.1:" in first) if options else ("1 running" in first)
    watching.send_signal(signal.SIGINT)
    _, complaints = watching.communicate(timeout=180)
    assert (watching.returncode, complaints) == (130, "reml: interrupted\n")


def test_status_says_what_runs(midst: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(midst.directory)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "midst: 6 trials: 1 done, 1 failed, 4 missing"
    mine, lost = (it for it in lines if it.startswith("running"))
    assert re.search(r"sinusoid-ridge-s0-\w+: 25% after \d+ s on \S+, query_loss 0.1", mine)
    assert "on node7, nothing was heard of it for" in lost
    assert sum(it.startswith("missing") for it in lines) == 2


def test_it_imports_no_torch() -> None:
    code = "import sys; from benchmarks.cli import main; main(); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "watch", str(PUBLISHED)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("False\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot read '/home/me/my data/x.csv'", "cannot read '…/x.csv'"),
        ("open /etc/secrets/key.pem failed", "open …/key.pem failed"),
        ("File ~/some/x.py, line 3", "File …/x.py, line 3"),
        (r"in C:\Users\me\data\x.csv now", "in …/x.csv now"),
        (
            "GET https://me:pw@hub.example:80/a/b?token=1 failed",
            "GET https://hub.example:80/… failed",
        ),
        ("HF_TOKEN=hf_abcdefghijklmnop was wrong", "HF_TOKEN=… was wrong"),
        ('{"password": "my word"}', '{"password": …}'),
        ("Authorization: Bearer abcdefghijk", "Authorization: Bearer …"),
        ("used sk-abcdefghijklmnop1234", "used …"),
        ("shape 3/4 and mse/rmse, 1.5 of 2", "shape 3/4 and mse/rmse, 1.5 of 2"),
        ("ValueError: a token is missing", "ValueError: a token is missing"),
        ("expected (2, 3), got 5 (more in trials/a-s0: output.txt)",) * 2,
    ],
)
def test_discretion(text: str, shown: str) -> None:
    assert discreet(text) == shown


def test_curves_are_drawn_in_their_box() -> None:
    assert heights(((0, 1000.0), (1, 10.0), (2, 0.1))) == pytest.approx([1, 0.5, 0])
    assert heights(((0, 3.0), (1, -1.0))) == [1, 0]
    assert heights(((0, 2.0), (1, 2.0))) == [0.5, 0.5]
    assert points(((0, 1.0), (10, 0.0)), 100, 20) == "2.0,2.0 98.0,18.0"
    assert spark(tuple((n, float(n)) for n in range(100)), 8) == "▁▂▃▄▅▆▇█"
    assert spark((), 8) == ""
