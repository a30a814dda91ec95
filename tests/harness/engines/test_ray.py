"""Trials on a real cluster of three nodes, all on this machine."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli import main
from benchmarks.core.errors import UserError
from benchmarks.harness.engines.ray_cluster import demand_room
from benchmarks.harness.engines.versions import CODE, differences, versions


def test_ray_gives_the_bits_of_one_process_whatever_dies(bench: Any, cluster: Any) -> None:
    """Data, a plugin and what it imports, and shared trainings travel; nothing is done twice."""
    engine = ("--engine", f"ray://{cluster.address}")
    driver = bench.start(*engine, out="ray")
    bench.until(lambda: len(bench.written("ray")) >= 1 or driver.poll() is not None, "a trial")
    driver.kill()
    driver.communicate()
    before = bench.written("ray")
    assert 1 <= len(before) < 8

    driver = bench.start(*engine, out="ray")
    bench.until(lambda: any(map(cluster.works, (1, 2))) or driver.poll() is not None, "a trial")
    victim = next(node for node in (1, 2) if cluster.works(node))
    os.kill(cluster.raylet(victim), signal.SIGKILL)
    said, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, said
    assert "of Ray was lost" not in said
    after = bench.written("ray")
    assert len(after) == 8
    assert {trial: after[trial] for trial in before} == before
    assert bench.table("ray") == bench.table("local")
    assert not list((bench.place / "ray" / "trials").glob(".tmp-*"))


def test_what_a_learner_does_to_its_process_is_a_failed_row_on_ray(
    bench: Any, cluster: Any
) -> None:
    bench.run("--engine", f"ray://{cluster.address}", out="ray-broken", matrix="broken", code=1)
    found = bench.outcomes("ray-broken")
    for how, outcome in bench.expected.items():
        assert found.pop(how).startswith(outcome), how
    assert not found


def test_more_than_a_node_has_is_one_sentence() -> None:
    nodes = [{"CPU": 4.0, "memory": 8e9}, {"CPU": 1.0, "GPU": 1.0}]
    free: dict[str, Any] = {"num_cpus": 2, "num_gpus": 0, "resources": {}}
    demand_room({**free, "memory": 8e9}, nodes, "")
    demand_room({**free, "num_cpus": 1, "num_gpus": 0.5}, nodes, "")
    for more in ({"num_gpus": 1}, {"memory": 9e9}, {"resources": {"fast": 1}}):
        with pytest.raises(UserError, match=r"^a.toml: no machine of Ray has .* \(CPU 2, "):
            demand_room({**free, **more}, nodes, "a.toml")


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
