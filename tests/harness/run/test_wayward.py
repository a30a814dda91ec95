"""Whatever a learner does to its process: its trial says so, and no other one is harmed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.harness.disk.pulse import lives
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.results import load_results
from benchmarks.harness.trial.trainings import PLACE

Go = Callable[..., ResultsFolder]
Write = Callable[..., Path]
WAYWARD = """
import os, signal, subprocess, sys, threading, time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
import torch
from baselines.mean import Mean


@dataclass
class Wayward(Mean):
    place: str = ""
    how: str = ""

    name: ClassVar[str] = "wayward"

    def fit(self, source, generator):
        with open(self.place + "/fits", "a") as file:
            file.write(self.how + "\\n")
        source.sample(7, shots=1, queries=1)
        getattr(self, self.how, lambda: None)()

    def interrupts(self):
        raise KeyboardInterrupt

    def leaves(self):
        class Leaving(BaseException):
            def __str__(self):
                raise RuntimeError
        raise Leaving

    def orphans(self):
        subprocess.Popen(["sleep", "97.531"])
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                Path(self.place, "daemon").write_text(str(os.getpid()))
                time.sleep(97)
            os._exit(0)
        while not Path(self.place, "daemon").exists():
            time.sleep(0.01)
        threading.Thread(target=time.sleep, args=(97,)).start()

    def closes(self):
        sys.stdout.flush()
        os.closerange(1, 256)

    def shouts(self):
        for part in range(80):
            print(str(part) * 100_000)

    def wrecks(self):
        os.chdir("/")
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.manual_seed(3)
        torch.set_num_threads(2)

    def tears(self):
        import shutil
        for folder in Path(self.place, "out", "trials").glob(".tmp-sinusoid-wayward*"):
            shutil.rmtree(folder)

    def exhausts(self):
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))

    def state(self):
        return {"names": open} if self.how == "odd" else {}

    def adapt(self, support, steps):
        if self.how == "dies" and not Path(self.place, "mended").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "fails" and not Path(self.place, "mended").exists():
            raise ValueError("not yet")
        return super().adapt(support, steps)
"""


@pytest.fixture
def wayward(tmp_path: Path, write_matrix: Write) -> Callable[..., tuple[Path, Registry]]:
    plugin = tmp_path / "wayward.py"
    plugin.write_text(WAYWARD)

    def write(*ways: str) -> tuple[Path, Registry]:
        tables = [
            f'name = "wayward"\nlabel = "{how}"\nhow = "{how}"\nplace = "{tmp_path}"'
            for how in ways
        ]
        path = write_matrix(*tables)
        path.write_text(path.read_text().replace("seeds = 2", "seeds = 1"))
        return path, Registry([plugin])

    return write


def test_whatever_a_learner_does_to_its_process_the_trial_says_what_it_was(
    go: Go, wayward: Callable[..., tuple[Path, Registry]], tmp_path: Path
) -> None:
    harmless = ("orphans", "closes", "shouts", "wrecks", "tears", "calm")
    named = {
        "interrupts": "KeyboardInterrupt: no message (trials/",
        "leaves": "Leaving: its message cannot be printed (trials/",
        "exhausts": "NotKept: ",
        "odd": "ContractError: state() would not load again with weights_only=True: "
        "state()['names'] is an object of type builtin_function_or_method",
    }
    folder = go(*wayward(*harmless, *named), tmp_path / "out", jobs=1)  # one tears folders
    results = load_results(folder.directory)
    trials = results.trials.set_index("learner")
    assert trials["status"].to_dict() == dict.fromkeys(harmless, "done") | dict.fromkeys(
        named, "failed"
    )
    for label, reason in named.items():
        assert trials.loc[label, "reason"].startswith(reason)
        assert not (folder.trials / trials.loc[label, "trial"] / "learner.pt").exists()
    scores = results.scores.set_index("learner")["value"]
    for label in harmless:
        assert scores[label].tolist() == scores["calm"].tolist(), label
    assert not lives(int((tmp_path / "daemon").read_text()))
    output = (folder.trials / trials.loc["shouts", "trial"] / "output.txt").read_text()
    assert output.startswith("000")
    assert output.endswith("79\n")
    assert 9_900_000 < len(output) < 10_000_100
    assert "bytes are left out here" in output
    assert not list(folder.trials.glob(".tmp-*"))


def test_a_training_outlives_the_trial_that_fails_after_it(
    go: Go, wayward: Callable[..., tuple[Path, Registry]], tmp_path: Path
) -> None:
    for how in ("dies", "fails"):
        (tmp_path / "fits").unlink(missing_ok=True)
        (tmp_path / "mended").unlink(missing_ok=True)
        path, registry = wayward(how)
        folder = go(path, registry, tmp_path / how)
        (trial,) = (it.name for it in folder.trials.glob("[!.]*"))
        failed = folder.record(trial)
        assert failed is not None
        assert failed["status"] == "failed"
        assert (folder.trials / trial / "learner.pt").is_file()
        assert failed["spending"]["tasks"] == 7
        (tmp_path / "mended").touch()
        go(path, registry, tmp_path / how)
        done = folder.record(trial)
        assert done is not None
        assert done["status"] == "done"
        assert done["spending"]["tasks"] == 7
        assert done["trained_by"] == trial
        assert (tmp_path / "fits").read_text() == f"{how}\n"
    # and one that is damaged is made anew, as all are that are to be
    (tmp_path / "mended").unlink()
    path, registry = wayward("fails")
    path.write_text(path.read_text().replace("tasks = 100", "tasks = 90"))
    folder = go(path, registry, tmp_path / "spoilt")
    (kept,) = (folder.trials / PLACE).glob("*/learner.pt")
    kept.unlink()
    kept.write_bytes(b"spoilt")
    (tmp_path / "mended").touch()
    go(path, registry, tmp_path / "spoilt")
    assert (tmp_path / "fits").read_text() == "fails\n" * 3
    go(path, registry, tmp_path / "anew", anew=True)
    assert (tmp_path / "fits").read_text() == "fails\n" * 4
