"""What is next, what is lost and what is ended, on engines that run nothing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.run.engine import ATTEMPTS, Began, Ended, Event, Handle, Said, drive
from benchmarks.harness.run.job import Job
from benchmarks.harness.run.scheduler import Queue

TrialsOf = Callable[..., list[TrialSpec]]


class FakeEngine:
    """Says of each job what it is told to, in turn."""

    def __init__(self, says: Callable[[Handle, int], Sequence[Event]], capacity: int = 2) -> None:
        self._says = says
        self._capacity = capacity
        self._running: list[Handle] = []
        self.submitted: list[str] = []
        self.most = self.closed = 0
        self.cancelled: list[str] = []

    @property
    def capacity(self) -> int:
        return self._capacity

    def submit(self, job: Job) -> Handle:
        self.submitted.append(job.id)
        self._running.append(handle := Handle(job.id))
        self.most = max(self.most, len(self._running))
        return handle

    def wait(self, seconds: float) -> list[Event]:
        handle = self._running.pop(0)
        events = [*self._says(handle, self.submitted.count(handle.id))]
        if not any(isinstance(it, Ended) for it in events):
            self._running.append(handle)
        return events

    def cancel(self, handle: Handle) -> None:
        self._running.remove(handle)
        self.cancelled.append(handle.id)

    def close(self) -> None:
        self.closed += 1


class Told:
    """Jobs in order, and a list of what is told of them."""

    def __init__(self, jobs: Sequence[Job], unwanted: str = "") -> None:
        self._jobs = list(jobs)
        self._unwanted = unwanted
        self.told: list[tuple[str, str]] = []

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def next(self) -> Job | None:
        return self._jobs.pop(0) if self._jobs else None

    def again(self, job: Job) -> Job:
        self.told.append(("again", job.id))
        return job

    def began(self, job: Job) -> None:
        self.told.append(("began", job.id))

    def said(self, job: Job, message: Any) -> bool:
        return job.id == self._unwanted

    def ended(self, job: Job, trouble: str) -> None:
        self.told.append((trouble or "ended", job.id))

    def dropped(self, job: Job) -> None:
        self.told.append(("dropped", job.id))

    def tick(self) -> None: ...


@pytest.fixture
def jobs(trials_of: TrialsOf, tmp_path: Path) -> list[Job]:
    (first, *_) = trials_of("guess")
    specs = [replace(first, id=name) for name in "abc"]
    return [Job(it, tmp_path / it.id, (), "cpu", {}) for it in specs]


def test_what_an_engine_has_lost_is_tried_again_but_not_for_ever(jobs: list[Job]) -> None:
    def says(handle: Handle, attempt: int) -> list[Event]:
        lost = handle.id == "a" or (handle.id == "b" and attempt == 1)
        return [Began(handle), Ended(handle, "gone" if lost else "", lost)]

    engine, work = FakeEngine(says), Told(jobs)
    drive(engine, work)
    ended = {name: what for what, name in work.told if what in ("gone", "ended")}
    assert ended == {"a": "gone", "b": "ended", "c": "ended"}
    assert [engine.submitted.count(name) for name in "abc"] == [ATTEMPTS, 2, 1]
    assert engine.most == 2
    assert engine.closed == 1


def test_a_job_that_is_not_wanted_any_more_is_cancelled(jobs: list[Job]) -> None:
    def goes_on(handle: Handle, attempt: int) -> list[Event]:
        return [Said(handle, [0.5, ""])] if handle.id == "b" else [Ended(handle)]

    engine, work = FakeEngine(goes_on, capacity=1), Told(jobs, unwanted="b")
    drive(engine, work)
    assert engine.cancelled == ["b"]
    assert work.told == [("ended", "a"), ("dropped", "b"), ("ended", "c")]


def test_whatever_happens_the_engine_is_closed_and_folders_are_dropped(jobs: list[Job]) -> None:
    def says(handle: Handle, attempt: int) -> list[Event]:
        raise KeyboardInterrupt

    engine, work = FakeEngine(says), Told(jobs)
    with pytest.raises(KeyboardInterrupt):
        drive(engine, work)
    assert engine.closed == 1
    assert work.told == [("dropped", "a"), ("dropped", "b")]


def test_trials_wait_for_the_training_they_share_and_go_on_if_it_fails(
    trials_of: TrialsOf,
) -> None:
    (first, *_) = trials_of("guess")
    specs = [
        replace(first, id=f"{name}{number}", training=name)
        for number in range(3)
        for name in ("a", "b", "c")
    ]
    queue = Queue(specs, {"c"})
    assert [queue.next().id for _ in range(5)] == ["a0", "b0", "c0", "c1", "c2"]  # type: ignore[union-attr]
    assert queue.next() is None
    assert queue
    queue.ended("c", trained=False)
    assert queue.next() is None
    queue.ended("a", trained=True)
    queue.ended("b", trained=False)
    assert [queue.next().id for _ in range(3)] == ["a1", "b1", "a2"]  # type: ignore[union-attr]
    assert queue.next() is None
    queue.ended("b", trained=False)
    assert queue.next().id == "b2"  # type: ignore[union-attr]
    assert not queue


def test_ten_thousand_trials_are_queued_in_a_moment(trials_of: TrialsOf) -> None:
    """What was quadratic once took minutes here."""
    (first, *_) = trials_of("guess")
    specs = [replace(first, id=str(it), training=str(it % 5000)) for it in range(10_000)]
    queue, seen = Queue(specs), 0
    while queue:
        spec = queue.next()
        assert spec is not None
        queue.ended(spec.training, trained=True)
        seen += 1
    assert seen == 10_000
