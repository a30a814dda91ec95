"""Trials on a real cluster of three nodes, all on this machine."""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.cli import main
from benchmarks.core.errors import UserError
from benchmarks.harness.engines.ray_cluster import connect, demand_room
from benchmarks.harness.engines.versions import CODE, differences, versions

ROOT = Path(__file__).parents[3]
NODES = 3


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
    """Three nodes of Ray on this machine; the first, the head, runs no trials."""

    address: str
    place: str
    bench: Any
    nodes: list[subprocess.Popen[bytes]]

    @property
    def port(self) -> int:
        return int(self.address.partition(":")[2])

    def add_a_node(self) -> None:
        """One after the other: nodes that start together take the same socket."""
        role = [f"--address={self.address}", "--num-cpus=1"]
        if not self.nodes:
            role = ["--head", "--num-cpus=0", f"--port={self.port}", "--include-dashboard=false"]
            role.append("--no-monitor")  # that of a cluster that grows
            role.append(f"--temp-dir={self.place}")
        common = ["--disable-usage-stats", "--block", "--object-store-memory=80000000"]
        common.append("--include-log-monitor=false")
        before = self.alive()
        node = subprocess.Popen(
            [str(Path(sys.executable).with_name("ray")), "start", *role, *common],
            env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "token"},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.nodes.append(node)

        def there() -> bool:
            assert node.poll() is None, "Ray does not start"
            return self.alive() > before

        self.bench.until(there, "a node of Ray")

    def alive(self) -> int:
        """How many nodes the cluster itself counts."""
        if not self.nodes:
            return 0
        from ray._raylet import GcsClient

        with socket.socket() as there:
            if there.connect_ex(("127.0.0.1", self.port)):
                return 0
        found = GcsClient(address=self.address).get_all_node_info(timeout=5).values()
        return sum(it.state == 0 for it in found)

    def raylet(self, node: int) -> int | None:
        found = below(self.nodes[node].pid).items()
        return next((pid for pid, line in found if "/raylet/raylet" in line), None)

    def works(self, node: int) -> bool:
        """Whether a trial runs there: a keeper, say, and its worker."""
        lines = below(self.nodes[node].pid).values()
        return any(line.startswith("ray::") and "-s" in line for line in lines)


@pytest.fixture(scope="module")
def cluster(bench: Any) -> Iterator[Cluster]:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed (pip install 'reml-bench[ray]')")
    with pytest.MonkeyPatch.context() as environment:
        _take_a_token(environment)
        yield from _nodes(bench)


def _take_a_token(environment: pytest.MonkeyPatch) -> None:
    """Have the nodes ask for one, which a driver finds and has to show; and show it from here."""
    from ray._raylet import Config

    environment.setenv("RAY_AUTH_TOKEN", secrets.token_hex(16))
    with environment.context() as here:
        here.setenv("RAY_AUTH_MODE", "token")
        Config.initialize("")
    environment.delenv("RAY_AUTH_MODE", raising=False)


def _nodes(bench: Any) -> Iterator[Cluster]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # a socket's path has at most a hundred bytes
    made = Cluster(f"127.0.0.1:{port}", tempfile.mkdtemp(prefix="rr", dir="/tmp"), bench, [])
    try:
        for _ in range(NODES):
            made.add_a_node()
        yield made
    finally:
        for node in reversed(made.nodes):
            pids = [node.pid, *below(node.pid)]
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            node.wait()
        shutil.rmtree(made.place, ignore_errors=True)


def test_ray_gives_the_bits_of_one_process_whatever_dies(bench: Any, cluster: Cluster) -> None:
    """Data, a plugin and what it imports, and shared trainings travel; nothing is done twice."""
    engine = ("--engine", f"ray://{cluster.address}")
    with bench.start(*engine, out="ray") as driver:
        bench.until(lambda: bench.written("ray") or driver.poll() is not None, "a trial")
    before = bench.written("ray")
    assert 1 <= len(before) < 8

    lost: list[int] = []

    def lose_a_node_at_work() -> bool:
        """In the moment that it is seen at work: a trial may be over soon."""
        lost.extend([node for node in (1, 2) if cluster.works(node)][:1])
        for node in lost:
            os.kill(cluster.raylet(node), signal.SIGKILL)
        return bool(lost) or driver.poll() is not None

    with bench.start(*engine, out="ray") as driver:
        bench.until(lose_a_node_at_work, "a trial")
        assert lost, driver.said + driver.complained
        os.kill(cluster.raylet(3 - lost[0]), signal.SIGKILL)
        waits = "the run waits for one that has"
        bench.until(lambda: waits in driver.complained or driver.poll() is not None, waits)
        assert "no machine of Ray has what a trial asks for (CPU 1)" in driver.complained
        cluster.add_a_node()
        code, said = driver.wait(300), driver.said + driver.complained
    assert code == 0, said
    assert "of Ray was lost" not in said
    after = bench.written("ray")
    assert len(after) == 8
    assert {trial: after[trial] for trial in before} == before
    assert bench.table("ray") == bench.table("local")
    trials = bench.place / "ray" / "trials"
    assert not [*trials.glob(".tmp-*"), *trials.glob("*/running.json")]


def test_what_a_learner_does_to_its_process_is_a_failed_row_on_ray(
    bench: Any, cluster: Cluster
) -> None:
    bench.run("--engine", f"ray://{cluster.address}", out="ray-broken", matrix="broken", code=1)
    bench.demand_expected("ray-broken")


def test_settings_are_searched_on_ray_to_the_same_bits(
    bench: Any, tuned: pd.DataFrame, cluster: Cluster
) -> None:
    found = bench.tuned(f"ray://{cluster.address}", "ray-tuned")
    assert len(found) >= 2
    assert found.to_csv() == tuned.to_csv()


def test_more_than_a_node_has_is_one_sentence() -> None:
    nodes = [{"CPU": 4.0, "memory": 8e9}, {"CPU": 1.0, "GPU": 1.0}]
    free: dict[str, Any] = {"num_cpus": 2, "num_gpus": 0, "resources": {}}
    demand_room({**free, "memory": 8e9}, nodes, "")
    demand_room({**free, "num_cpus": 1, "num_gpus": 0.5}, nodes, "")
    for more in ({"num_gpus": 1}, {"memory": 9e9}, {"resources": {"fast": 1}}):
        with pytest.raises(UserError, match=r"^a.toml: no machine of Ray has .* \(CPU 2, "):
            demand_room({**free, **more}, nodes, "a.toml")


def test_where_nobody_listens_one_sentence_says_so_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and doesn't listen
        address = f"ray://127.0.0.1:{taken.getsockname()[1]}"
        for it in (address, "ray://127.0.0.1:99999"):
            with pytest.raises(
                UserError, match=r"^--engine ray: no cluster can be reached at ray:"
            ):
                connect(it)


def test_without_ray_the_sentence_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["run", "quick", "--engine", "ray", "--out", str(tmp_path / "out")]) == 2
    assert "pip install 'reml-bench[ray]'" in capsys.readouterr().err


def test_other_versions_are_named() -> None:
    mine = dict(versions())
    assert differences(mine, versions()) == []
    assert {"Python", "torch", "numpy", "scikit-learn", CODE} <= mine.keys()
    other = {**mine, "torch": "1.0", CODE: "0"}
    assert differences(mine, other) == [
        f"{CODE} differs",
        f"torch is 1.0 there and {mine['torch']} here",
    ]
