"""Trials on a real SLURM with one node, this machine, whose accounting is off."""

import contextlib
import importlib.util
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.cli import main
from benchmarks.harness.disk.files import write_json
from benchmarks.harness.engines import slurm_engine
from benchmarks.harness.engines.settings import settings_of
from benchmarks.harness.engines.slurm_engine import SlurmEngine
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.run.engine import Ended
from benchmarks.harness.run.job import Job

SLURM_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={place}/munge.socket
StateSaveLocation={place}/state
SlurmdSpoolDir={place}/spool
SlurmctldPidFile={place}/slurmctld.pid
SlurmdPidFile={place}/slurmd.pid
SlurmctldLogFile={place}/slurmctld.log
SlurmdLogFile={place}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=1:00:00 State=UP PreemptMode=REQUEUE
"""
DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")


@dataclass
class Slurm:
    """A SLURM with one node, this machine, and no accounting."""

    def ask(self, *command: str) -> list[str]:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    def tasks(self, state: str) -> list[str]:
        """The numbers of those in a state."""
        return self.ask("squeue", "-h", "-r", "-t", state, "-o", "%i")

    def why_pending(self, task: str) -> str:
        return "".join(self.ask("squeue", "-h", "-r", "-j", task, "-t", "PD", "-o", "%r"))


@pytest.fixture(scope="module")
def slurm(bench: Any) -> Iterator[Slurm]:
    missing = [it for it in DAEMONS if shutil.which(it) is None]
    if importlib.util.find_spec("submitit") is None:
        missing.append("submitit")
    if missing:
        pytest.skip(f"no SLURM here: {', '.join(missing)} is missing (slurm-wlm, munge of apt)")
    if os.geteuid() != 0:
        pytest.skip("a SLURM of one's own takes root")
    place = Path(tempfile.mkdtemp(prefix="rs", dir="/tmp"))
    for name in ("state", "spool"):
        (place / name).mkdir()
    (place / "key").write_bytes(os.urandom(1024))
    (place / "key").chmod(0o400)
    host = socket.gethostname().partition(".")[0]
    with socket.socket() as one, socket.socket() as other:
        for it in (one, other):
            it.bind(("127.0.0.1", 0))
        ports = {"controller": one.getsockname()[1], "daemon": other.getsockname()[1]}
    conf = place / "slurm.conf"
    conf.write_text(SLURM_CONF.format(host=host, place=place, **ports))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    munge = {"socket": "munge.socket", "key-file": "key", "seed-file": "seed"}
    munge |= {"pid-file": "pid", "log-file": "log"}
    started: list[subprocess.Popen[bytes]] = []
    former = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(conf)
    made = Slurm()

    def idle() -> bool:
        assert all(it.poll() is None for it in started), "SLURM does not start"
        with contextlib.suppress(subprocess.CalledProcessError):
            return "idle" in made.ask("sinfo", "-h", "-o", "%T")
        return False

    try:
        options = [f"--{name}={place / it}" for name, it in munge.items()]
        for command in (
            ["munged", "--foreground", "--force", *options],
            ["slurmctld", "-D", "-f", str(conf)],
            ["slurmd", "-D", "-f", str(conf)],
        ):
            started.append(subprocess.Popen(command, start_new_session=True, **quiet))
            bench.until((place / "munge.socket").exists, "munge")
        bench.until(idle, "SLURM's node")
        yield made
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            made.ask("scancel", "-u", "root")
            bench.until(lambda: not made.ask("squeue", "-h"), "the end of all jobs")
        for it in reversed(started):
            it.kill()
            it.wait()
        if former is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = former
        shutil.rmtree(place, ignore_errors=True)


def test_slurm_gives_the_bits_of_one_process_whatever_is_cancelled_requeued_or_killed(
    bench: Any, slurm: Slurm
) -> None:
    table = '[engine]\nname = "slurm"\nbundle = 3\n\n[engine.learner.scratch]\ntime = "10m"\n'
    (bench.place / "slurm.toml").write_text((bench.place / "engines.toml").read_text() + table)

    # submitted, and left: two arrays, for two sets of resources
    said = bench.run("--detach", out="slurm", matrix="slurm")
    assert "reml: 6 trials in SLURM's queue stay there" in said
    tasks = slurm.tasks("PD,R")
    assert len({it.partition("_")[0] for it in tasks}) == 2
    assert len(tasks) == 3

    # one is killed and queued again, another cancelled, and so is the driver
    bench.until(lambda: slurm.tasks("R"), "a task")
    first = slurm.tasks("R")[0]
    slurm.ask("scontrol", "requeue", first)
    slurm.ask("scancel", next(it for it in tasks if it != first))
    bench.until(lambda: slurm.why_pending(first) == "BeginTime", "what was requeued")
    slurm.ask("scontrol", "update", f"jobid={first}", "starttime=now")  # not in two minutes
    with bench.start(out="slurm", matrix="slurm") as driver:
        bench.until(lambda: bench.written("slurm") or driver.poll() is not None, "a trial")
    before = bench.written("slurm")
    assert 1 <= len(before) < 8

    said = bench.run(out="slurm", matrix="slurm")
    assert "accounting" not in said
    assert "sacct" not in said
    after = bench.written("slurm")
    assert len(after) == 8
    assert {trial: after[trial] for trial in before} == before
    assert bench.table("slurm") == bench.table("local")
    assert not (bench.place / "slurm" / ".slurm").exists()
    trials = bench.place / "slurm" / "trials"
    assert not [*trials.glob(".tmp-*"), *trials.glob("*/running.json")]


def test_what_a_learner_does_to_its_process_takes_no_sibling_along(
    bench: Any, slurm: Slurm
) -> None:
    (bench.place / "engine.toml").write_text("bundle = 5\n")
    try:
        bench.run("--engine", "slurm", out="slurm-broken", matrix="broken", code=1)
    finally:
        (bench.place / "engine.toml").unlink()
    bench.demand_expected("slurm-broken")


def test_settings_are_searched_on_slurm_to_the_same_bits(
    bench: Any, tuned: pd.DataFrame, slurm: Slurm
) -> None:
    (bench.place / "engine.toml").write_text("bundle = 4\n")
    try:
        found = bench.tuned("slurm", "slurm-tuned")
    finally:
        (bench.place / "engine.toml").unlink()
    assert len(found) >= 2
    assert found.to_csv() == tuned.to_csv()


def test_the_queue_never_holds_more_jobs_than_it_may_and_bundles_stay_whole(
    trials_of: Callable[..., list[TrialSpec]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room is that of whole jobs: a trial that has ended is of a bundle that goes on."""
    sent: list[list[str]] = []

    def send(name: str, files: list[Path], *_: object) -> None:
        sent.extend([it.id for it in pickle.loads(path.read_bytes()).jobs] for path in files)

    for name in ("demand_slurm", "queued"):
        monkeypatch.setattr(slurm_engine, name, lambda: None)
    monkeypatch.setattr(slurm_engine, "send", send)
    monkeypatch.setattr(slurm_engine, "LOOK_SECONDS", 0.0)
    (first, *_) = trials_of("mean")
    jobs = iter([Job(replace(first, id=it), tmp_path / it, (), "cpu", {}) for it in "abcdefg"])
    engine = SlurmEngine(settings_of({"queue": 2, "bundle": 2}, "", {}), tmp_path)
    assert engine.capacity == 4
    handles = {it.id: it for it in (engine.submit(next(jobs)) for _ in range(4))}
    engine.wait(0)
    assert sent == [["a", "b"], ["c", "d"]]
    for ended, more in (("a", "e"), ("b", "f"), ("c", "g")):
        write_json(handles[ended].place.ended, {"trouble": "so", "lost": False})
        assert engine.wait(0) == [Ended(handles[ended], "so")]
        handles[more] = engine.submit(next(jobs))
        engine.wait(0)
        assert sent[2:] == ([["e", "f"]] if ended > "a" else [])


def test_without_submitit_or_slurm_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = tmp_path / "tiny.toml"
    matrix.write_text(
        'name = "tiny"\nseeds = 1\nbudget = { tasks = 20 }\nfamily = [{ name = "sinusoid" }]\n'
        'learner = [{ name = "mean" }]\n'
        'protocol = [{ kind = "few_shot", shots = [2], steps = [0], tasks = 5, queries = 5 }]\n'
    )
    command = ["run", str(matrix), "--engine", "slurm", "--out", str(tmp_path / "out")]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(command) == 2
    said = capsys.readouterr().err
    assert said.startswith("reml: --engine slurm: sinfo fails here (")
    assert said.count("\n") == 1
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert main(command) == 2
    assert "pip install 'reml-bench[slurm]'" in capsys.readouterr().err
