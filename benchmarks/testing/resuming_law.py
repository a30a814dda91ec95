"""The law of a learner whose training can be cut off: it goes on as if it had not been."""

import copy
import io
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from benchmarks.core import Resumes, generator_of
from benchmarks.core.seeds import random_state, set_random_state
from benchmarks.testing.cases import Case, predictions
from benchmarks.testing.checks import demand, same_bits


class _Training:
    """A training, looked at wherever it could be cut off.

    Attributes:
        cuts: what would be kept then, of the learner and of all else, as files have it.
        moments: the states that were seen on the way.
        able: whether it has always been able to say how to go on.
    """

    def __init__(self, case: Case, learner: Any, seed: int) -> None:
        self.cuts: list[tuple[bytes, bytes]] = []
        self.moments: list[bytes] = []
        self.able = True
        self._learner = learner
        self._generator = generator_of("kit fit", seed)
        self._source = case.source(
            case.toy(),
            seed=seed,
            on_moment=lambda: self.moments.append(_packed(learner.state())),
            on_rest=self._cut,
        )

    def run(self, how: str) -> None:
        getattr(self._learner, how)(self._source, self._generator)

    def go_on(self, learned: Any, kept: Mapping[str, Any], moments: list[bytes]) -> None:
        self._source.go_to(kept["source"])
        self._generator.set_state(kept["generator"])
        set_random_state(kept["random"])
        self.moments += moments[: kept["moments"]]
        self._learner.resume(learned, self._source, self._generator)

    def _cut(self) -> None:
        learned = self._learner.checkpoint()
        self.able = self.able and learned is not None
        kept = {
            "source": self._source.position(),
            "generator": self._generator.get_state(),
            "random": random_state(),
            "moments": len(self.moments),
        }
        self.cuts.append((_packed(learned), _packed(kept)))

    def came_to(self, case: Case) -> dict[str, Any]:
        source = self._source
        return {
            "another state": self._learner.state(),
            "other predictions": predictions(self._learner, *case.test()),
            "another history": [(row.tasks, row.metric, row.value) for row in source.history],
            "another spending": (source.tasks, source.points, source.counts),
            "other random numbers": (self._generator.get_state(), random_state()),
        }


def training_goes_on_where_it_was_cut_off(case: Case) -> None:
    """What has `checkpoint` and `resume` comes to the same bits, wherever it was cut off."""
    learner = case.make()
    if not isinstance(learner, Resumes):
        return
    begin = random_state()
    try:
        whole = _Training(case, learner, seed=0)
        whole.run("fit")
        demand(
            same_bits(learner.state(), case.learner.state()),
            "asking how it would go on makes its state another",
        )
        _demand_that_goes_on(case, whole, "fit", seed=0)
        learner = case.make()
        learner.load_state(copy.deepcopy(case.learner.state()))
        set_random_state(begin)
        whole = _Training(case, learner, seed=1)
        whole.run("partial_fit")
        _demand_that_goes_on(case, whole, "partial_fit", seed=1)
    finally:
        set_random_state(begin)


def _demand_that_goes_on(case: Case, whole: _Training, how: str, seed: int) -> None:
    if not whole.able or not whole.cuts:
        return
    expected = whole.came_to(case)
    for cut in sorted({len(whole.cuts) // 2, len(whole.cuts) - 1}):
        resumed = _Training(case, case.make(), seed)
        learned, kept = map(_unpacked, whole.cuts[cut])
        tasks = kept["source"]["tasks"]
        resumed.go_on(learned, kept, whole.moments)
        for what, value in resumed.came_to(case).items():
            same = same_bits(value, expected[what])
            demand(same, f"cut off after {tasks} tasks of {how}, it comes to {what}")
        same = _same_files(*([it.cuts[-1][0]] for it in (resumed, whole)))
        demand(same, f"cut off after {tasks} tasks of {how}, it goes on with something else")
        same = _same_files(resumed.moments, whole.moments)
        demand(same, f"cut off after {tasks} tasks of {how}, other states are on the way")


def _same_files(one: Sequence[bytes], other: Sequence[bytes]) -> bool:
    """Whether they hold the same bits; files that are equal need not be read."""
    return len(one) == len(other) and all(
        a == b or same_bits(_unpacked(a), _unpacked(b)) for a, b in zip(one, other, strict=True)
    )


def _packed(value: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def _unpacked(packed: bytes) -> Any:
    return torch.load(io.BytesIO(packed), weights_only=True)
