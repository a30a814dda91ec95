"""What machines without a common file system leave for each other: trainings that are under way."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.core.errors import UserError
from benchmarks.harness.engines import ray_node
from benchmarks.harness.engines.luggage import Depot, demand_depot
from benchmarks.harness.engines.ray_node import _Checkpoints

NAME = "0123456789ab.checkpoint"
NONE = {NAME: (b"", 0.0)}


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    memory: str = f"memory://{tmp_path.name}-{request.node.name.replace('/', '-')}"
    return str(tmp_path / "depot") if request.param == "file" else memory


def until(condition: Callable[[], object]) -> None:
    for _ in range(12_000):
        if condition():
            return
        ray_node.threading.Event().wait(0.01)
    raise AssertionError("waited in vain")


def test_a_training_goes_on_elsewhere_from_what_was_left(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_node, "LOOK_SECONDS", 0.01)
    depot = Depot(demand_depot(url, ""))
    here, there = tmp_path / "here", tmp_path / "there"
    with _Checkpoints(here, NONE, url) as first:
        assert not first.there
        (here / NAME).write_bytes(b"as far as it was")
        until(lambda: depot.get(NAME) == b"as far as it was")
        (here / NAME).write_bytes(b"a little further")
        until(lambda: depot.get(NAME) == b"a little further")
        first._over.set()  # as a machine that is switched off
        first._thread.join()
        (here / NAME).unlink()
    with _Checkpoints(there, {NAME: (b"from the driver", 1e9)}, url) as second:
        assert (there / NAME).read_bytes() == b"a little further"
        assert second.there == [there / NAME]
        (there / NAME).unlink()  # the training is over
    assert depot.get(NAME) is None
    assert not first.trouble + second.trouble


def test_without_a_place_the_drivers_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    with _Checkpoints(tmp_path / "one", {NAME: (b"half", 1e9)}, "") as there:
        assert (tmp_path / "one" / NAME).read_bytes() == b"half"
        assert (tmp_path / "one" / NAME).stat().st_mtime == 1e9
    assert [it.name for it in there.there] == [NAME]


def test_a_place_that_fails_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for url in (f"{tmp_path}/file/below", "nothing-like-it://there"):
        with _Checkpoints(tmp_path / "one", NONE, url) as there:
            (tmp_path / "one" / NAME).write_bytes(b"half")
        assert "a machine of Ray: " in there.trouble
        assert f"{url}: checkpoints are not kept (" in there.trouble
        with pytest.raises(UserError, match=r"^e.toml: key 'checkpoints': nothing can be kept at"):
            demand_depot(url, "e.toml")


def test_a_path_is_the_same_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert demand_depot("mine", "") == os.path.join(tmp_path, "mine")
    assert not [*(tmp_path / "mine").iterdir()]
