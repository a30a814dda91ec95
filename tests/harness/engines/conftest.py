"""A matrix for engines, what it comes to on this machine, and a cluster of Ray."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

ROOT = Path(__file__).parents[3]
PATIENCE = 180.0
PLUGIN = """
import time
from dataclasses import dataclass
from typing import ClassVar

from baselines.mean import Mean
import neighbour


@dataclass
class Slow(Mean):
    pause: float = 0.0
    how: str = ""
    lift: float = 0.0

    name: ClassVar[str] = "slow"
    only_at_test: ClassVar[frozenset[str]] = frozenset({"lift"})

    def fit(self, source, generator):
        while not source.exhausted:
            batch = source.sample(5, shots=2, queries=2)
            source.log(seen=batch.query.y.mean())
            time.sleep(self.pause / 4)
        neighbour.does(self.how)
"""
NEIGHBOUR = """
import os, signal, sys, time


def does(how):
    if how == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hangs":
        time.sleep(600)
    if how == "exits":
        sys.exit(3)
    if how == "raises":
        raise ArithmeticError("two and two make five")
"""
MATRIX = """
name = "engines"
seeds = 2
budget = { tasks = 20 }
protocol = [{ kind = "few_shot", shots = [2], steps = [0, 1], tasks = 10, queries = 5 }]

[[family]]
name = "table"
path = "rows.csv"
task = ["place"]
x = ["x"]
y = "y"
split_by = "place"

[[learner]]
name = "slow"
pause = 0.6

[[learner]]
name = "slow"
label = "lifted"
pause = 0.6
lift = 1.0

[[learner]]
name = "scratch"
hidden = [4]

[[learner]]
name = "mean"
"""
BROKEN = """
name = "broken"
seeds = 1
budget = { tasks = 20 }
protocol = [{ kind = "few_shot", shots = [2], steps = [0, 1], tasks = 10, queries = 5 }]
family = [{ name = "sinusoid" }]
""" + "".join(
    f'\n[[learner]]\nname = "slow"\nlabel = "{how}"\nhow = "{how}"\n'
    f'limits = {{ timeout = "{"3s" if how == "hangs" else "60s"}" }}\n'
    for how in ("dies", "hangs", "exits", "raises", "calm")
)


@dataclass
class Bench:
    """A folder with a matrix, its data and its plugin, and how to run it."""

    place: Path
    expected: ClassVar[Mapping[str, str]] = {
        "dies": "worker process died (signal 9, SIGKILL)",
        "hangs": "timed out after 3 s",
        "exits": "SystemExit: 3 (trials/",
        "raises": "ArithmeticError: two and two make five",
        "calm": "done",
    }
    """How the reasons of `broken` begin."""

    def start(self, *arguments: str, out: str, matrix: str = "engines") -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "reml", "run", f"{matrix}.toml", "--no-figures"]
        more = ["--plugin", "plugins/slow.py", "--out", out]
        return subprocess.Popen(
            [*command, *more, *arguments],
            cwd=self.place,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}plugins"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, out: str, matrix: str = "engines", code: int = 0) -> str:
        process = self.start(*arguments, out=out, matrix=matrix)
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, said
        return said

    def written(self, out: str) -> dict[str, int]:
        """When each trial was stored, which tells whether it was run again."""
        found = (self.place / out / "trials").glob("[!.]*/trial.json")
        return {path.parent.name: path.stat().st_mtime_ns for path in found}

    def table(self, out: str) -> bytes:
        return (self.place / out / "table.csv").read_bytes()

    def outcomes(self, out: str) -> dict[str, str]:
        """By learner, the reason of the failure or what else it came to."""
        records = [
            json.loads(path.read_text())
            for path in (self.place / out / "trials").glob("[!.]*/trial.json")
        ]
        return {it["learner"]: it["reason"] or it["status"] for it in records}

    def until(self, condition: Callable[[], object], what: str) -> None:
        wait_for(condition, what)


@pytest.fixture(scope="package")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """With the results of one process at a time on this machine in `local`."""
    place = tmp_path_factory.mktemp("engines")
    (place / "plugins").mkdir()
    (place / "plugins" / "slow.py").write_text(PLUGIN)
    (place / "plugins" / "neighbour.py").write_text(NEIGHBOUR)
    rows = [f"{town},{x},{town * x % 7 + x / 3}\n" for town in range(60) for x in range(12)]
    (place / "rows.csv").write_text("place,x,y\n" + "".join(rows))
    (place / "engines.toml").write_text(MATRIX)
    (place / "broken.toml").write_text(BROKEN)
    made = Bench(place)
    made.run("--jobs", "1", out="local")
    return made


def wait_for(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s for {what}"
        time.sleep(0.05)


def below(root: int) -> dict[int, str]:
    """The processes that a process has started, and those have, with their command lines."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(path.parent.name))
    found, lines = [root], {}
    for pid in found:
        found += parents.get(pid, [])
    for pid in found[1:]:
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
            lines[pid] = line.decode(errors="replace")
    return lines


@dataclass
class Cluster:
    """Three nodes of Ray on this machine, the first of them the head."""

    address: str
    nodes: list[subprocess.Popen[bytes]]

    def raylet(self, node: int) -> int | None:
        found = below(self.nodes[node].pid).items()
        return next((pid for pid, line in found if "/raylet/raylet" in line), None)

    def works(self, node: int) -> bool:
        """Whether a trial runs there: a keeper, say, and its worker."""
        lines = below(self.nodes[node].pid).values()
        return any(line.startswith("ray::") and "-s" in line for line in lines)


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed (pip install 'reml-bench[ray]')")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # a socket's path has at most a hundred bytes
    place = tempfile.mkdtemp(prefix="rr", dir="/tmp")
    common = ["--num-cpus=1", "--disable-usage-stats", "--block", "--object-store-memory=80000000"]
    head = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={place}"]
    nodes: list[subprocess.Popen[bytes]] = []
    program = str(Path(sys.executable).with_name("ray"))

    def start(*arguments: str) -> None:
        command = [program, "start", *arguments, *common]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        nodes.append(subprocess.Popen(command, env=environment, start_new_session=True, **quiet))

    made = Cluster(f"127.0.0.1:{port}", nodes)
    try:
        start(*head)
        wait_for(lambda: raylets(made, 1), "the head of the cluster")
        for _ in range(2):
            start(f"--address={made.address}")
        wait_for(lambda: raylets(made, 3), "three nodes")
        yield made
    finally:
        for node in reversed(nodes):
            pids = [node.pid, *below(node.pid)]
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            node.wait()
        shutil.rmtree(place, ignore_errors=True)


def raylets(cluster: Cluster, nodes: int) -> bool:
    assert all(it.poll() is None for it in cluster.nodes), "Ray does not start"
    return all(cluster.raylet(it) for it in range(nodes))


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


@pytest.fixture(scope="package")
def slurm() -> Iterator[Slurm]:
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
            wait_for((place / "munge.socket").exists, "munge")
        wait_for(idle, "SLURM's node")
        yield made
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            made.ask("scancel", "-u", "root")
            wait_for(lambda: not made.ask("squeue", "-h"), "the end of all jobs")
        for it in reversed(started):
            it.kill()
            it.wait()
        if former is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = former
        shutil.rmtree(place, ignore_errors=True)
