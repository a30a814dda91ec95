"""Who may write to a folder, also where the file system knows no locks."""

import errno
import fcntl
import json
import multiprocessing
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.core.errors import NotKept
from benchmarks.harness.disk import claim
from benchmarks.harness.disk.claim import CLAIM, Claim
from benchmarks.harness.store import lock
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.ledger import RECORDS, Ledger
from benchmarks.harness.store.lock import InUse, locked
from benchmarks.harness.store.results import restore
from benchmarks.harness.trial.references import once


@pytest.fixture(params=[errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def lockless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(request.param, monkeypatch)


def answer(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a lock gets this error."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)


def claimed(folder: Path, **other: object) -> None:
    """Somebody holds the folder; this process, unless told otherwise."""
    assert claim.take(folder, "run") is None
    found = Claim(**json.loads((folder / CLAIM).read_text()))
    (folder / CLAIM).write_text(json.dumps(asdict(replace(found, **other))))  # type: ignore[arg-type]


@pytest.mark.usefixtures("lockless")
def test_without_locks_a_file_holds_the_folder(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path, "run"):
            with (
                pytest.raises(InUse, match=r"another `reml run` is writing here$"),
                locked(tmp_path, "run"),
            ):
                pass
            assert (tmp_path / CLAIM).is_file()
        assert not (tmp_path / CLAIM).exists()
    with pytest.raises(ZeroDivisionError), locked(tmp_path, "report"):
        raise ZeroDivisionError
    assert not (tmp_path / CLAIM).exists()


def ended_pid() -> int:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return child


@pytest.mark.usefixtures("lockless")
def test_who_died_holds_nothing(tmp_path: Path) -> None:
    for other in ({"pid": ended_pid()}, {"born": "1"}):
        claimed(tmp_path, **other)
        with locked(tmp_path, "run"):
            held = json.loads((tmp_path / CLAIM).read_text())
            assert held["pid"] == os.getpid()
        assert [it.name for it in tmp_path.iterdir()] == [".lock"]


@pytest.mark.usefixtures("lockless")
def test_of_another_machine_nobody_can_say_whether_it_lives(tmp_path: Path) -> None:
    claimed(tmp_path, machine="another", host="node-7", pid=4711)
    with (
        pytest.raises(InUse, match=r"\(process 4711 of node-7; if it is over, .* \.lock\.held\)"),
        locked(tmp_path, "run"),
    ):
        pass
    for unreadable in ("", "[]", '{"who": 1}', '{"holder": "run"}'):
        (tmp_path / CLAIM).write_text(unreadable)
        with (
            pytest.raises(InUse, match=r"remove the file \.lock\.held"),
            locked(tmp_path, "run"),
        ):
            pass
    (tmp_path / CLAIM).unlink()
    with locked(tmp_path, "run"):
        pass


@pytest.mark.usefixtures("lockless")
def test_a_run_waits_for_a_report_without_locks_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = locked(tmp_path, "report")
    report.__enter__()
    waited = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        report.__exit__(None, None, None)

    monkeypatch.setattr(lock.time, "sleep", pause)
    with locked(tmp_path, "run"):
        assert len(waited) == 1


def test_who_can_lock_minds_who_cannot(tmp_path: Path) -> None:
    claimed(tmp_path)
    with pytest.raises(InUse), locked(tmp_path, "run"):
        pass
    claim.drop(tmp_path)
    with locked(tmp_path, "run"):
        assert not (tmp_path / CLAIM).exists()


def test_other_trouble_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(errno.EIO, monkeypatch)
    with pytest.raises(NotKept, match="cannot be locked"), locked(tmp_path, "run"):
        pass


@pytest.mark.usefixtures("lockless")
def test_without_locks_references_are_worked_out(tmp_path: Path) -> None:
    table = pd.DataFrame({"value": [1.0]})
    assert once(tmp_path / "place", "key", lambda: table).equals(table)
    assert once(tmp_path / "place", "key", lambda: table * 2).equals(table)


@pytest.mark.parametrize("locks", [True, False])
def test_of_many_only_one_holds_it(
    tmp_path: Path, locks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not locks:
        answer(errno.ENOLCK, monkeypatch)
    context = multiprocessing.get_context("fork")
    barrier, log = context.Barrier(4), tmp_path / "log"
    claimed(tmp_path, pid=ended_pid())  # all find the same dead one

    def contend() -> None:
        barrier.wait()
        try:
            with locked(tmp_path, "run"), log.open("a") as file:
                file.write("held\n")
                file.flush()
                barrier.wait()
        except InUse:
            barrier.wait()

    many = [context.Process(target=contend) for _ in range(4)]
    for process in many:
        process.start()
    for process in many:
        process.join(30)
    assert log.read_text() == "held\n"


def test_who_holds_a_folder_that_was_removed_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for again in (False, True):
        out.mkdir()
        with locked(out, "run"):
            Ledger(out).write_text("table.csv", "")
            shutil.rmtree(out)
            if again:  # and somebody else has begun there
                out.mkdir()
                (out / ".lock").touch()
            folder = ResultsFolder(out).begin("sinusoid-mean-s0-0123456789ab")
            (folder.parent / ".trainings").mkdir()
            for write in (
                lambda: Ledger(out).write_text("table.csv", ""),
                lambda it=folder: ResultsFolder(out).commit(it, "sinusoid-mean-s0-0123456789ab"),
            ):
                with pytest.raises(NotKept, match="was removed while it was written to"):
                    write()
        with ResultsFolder(out).open({"name": "anew", "trials": []}):  # what it has left is known
            assert [it.name for it in ResultsFolder(out).trials.iterdir()] == [".trainings"]
        shutil.rmtree(out)


def test_a_published_folder_is_restored_by_one_at_a_time(tmp_path: Path) -> None:
    (tmp_path / RECORDS).write_text("[]")
    with (
        multiprocessing.get_context("fork").Pool(1) as pool,
        locked(tmp_path, "run"),
    ):
        with pytest.raises(InUse):
            pool.apply(_restored, (tmp_path,))
        assert not ResultsFolder(tmp_path).trials.exists()


def _restored(folder: Path) -> None:
    claim._held.clear()
    restore(folder)
