"""Each metric worked out by hand, from scores that a stand-in for a trial makes up."""

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from benchmarks.core.protocol import Protocol
from benchmarks.protocols.compared import LEAST, against
from benchmarks.protocols.few_shot import FewShot
from benchmarks.protocols.retention import Retention
from benchmarks.protocols.transfer import Transfer
from benchmarks.protocols.unrelated import Unrelated
from benchmarks.testing.protocols import KINDS, Made, StandIn

STEPS = (0, 1, 3)
OWN = torch.tensor([[4.0, 1.0], [2.0, 5.0], [1.0, 5.0]])
SCRATCH = torch.tensor([[5.0, 6.0], [4.0, 5.0], [2.0, 4.0]])


def told(protocol: Protocol, *scores: Tensor, kind: str = "regression") -> Mapping[str, Tensor]:
    """What a protocol tells of each task after tests that found this, in the order it asks."""
    trial = StandIn(protocol, KINDS[kind], [Made({protocol.shots[0]: it}) for it in scores])
    return {it.metric: it.values for it in protocol.run(trial).gains}


def transfer(*scores: Tensor, kind: str = "regression") -> Mapping[str, Tensor]:
    return told(Transfer(kind="transfer", shots=(3,), steps=STEPS), *scores, kind=kind)


def unrelated(*scores: Tensor, kind: str = "regression") -> Tensor:
    steps = range(len(scores[0]))
    protocol = Unrelated(kind="unrelated", shots=(3,), steps=tuple(steps), on=("other",))
    return told(protocol, *scores, kind=kind)["vs_scratch"]


def test_few_shot_tells_no_more_than_scores() -> None:
    assert not told(FewShot(kind="few_shot", shots=(3,), steps=(0,)), OWN[:1])


def test_transfer_by_hand() -> None:
    found = transfer(OWN, SCRATCH)
    assert set(found) == {"jumpstart", "area", "steps_to_threshold"}
    assert found["jumpstart"].tolist() == [[1.0, 5.0]]
    # one step from 4 to 2, two from 2 to 1; one from 1 to 5, two at 5
    assert found["area"][0].tolist() == pytest.approx([(3 + 2 * 1.5) / 3, (3 + 2 * 5) / 3])
    # 2 is reached after 1 step; 4 is reached before any, and lost again
    assert found["steps_to_threshold"].tolist() == [[1.0, 0.0]]


def test_a_threshold_never_reached_is_one_more_than_the_most_steps() -> None:
    assert transfer(OWN, SCRATCH / 10)["steps_to_threshold"].tolist() == [[4.0, 4.0]]


def test_transfer_of_accuracies_by_hand() -> None:
    own = torch.tensor([[0.25], [0.75], [1.0]])
    found = transfer(own, torch.tensor([[0.5], [0.5], [0.75]]), kind="classification")
    assert found["jumpstart"].tolist() == [[-0.25]]
    assert found["area"][0].tolist() == pytest.approx([(0.5 + 2 * 0.875) / 3])
    assert found["steps_to_threshold"].tolist() == [[1.0]]


def test_elsewhere_by_hand() -> None:
    own, scratch = torch.tensor([[0.1, 2.0, 3.0]]), torch.tensor([[1.0, 2.0, 0.3]])
    assert unrelated(own, scratch)[0].tolist() == pytest.approx([-1.0, 0.0, 1.0], abs=1e-6)
    of_classes = unrelated(own, scratch, kind="classification")
    assert of_classes[0].tolist() == pytest.approx([-0.9, 0.0, 2.7])


def test_no_error_at_all_is_a_number() -> None:
    nothing, some = torch.zeros(1, 2), torch.tensor([[1.0, 3.0]])
    found = against(nothing, some, "regression").tolist()[0]
    assert found == pytest.approx([math.log10(2 * LEAST), math.log10(2 * LEAST / 3)], rel=1e-4)
    assert against(nothing, nothing, "regression").tolist() == [[0.0, 0.0]]
    assert bool(against(some, nothing, "regression").isfinite().all())


@pytest.mark.parametrize(("kind", "sign"), [("regression", 1), ("classification", -1)])
def test_retention_by_hand(kind: str, sign: int) -> None:
    before, unseen, scratch, then, after = (
        torch.tensor([row])
        for row in ([1.0, 2.0], [4.0, 1.0, 0.5], [6.0, 0.25, 0.5], [0.5, 0.5, 0.5], [3.0, 1.5])
    )
    protocol = Retention(kind="retention", shots=(3,), steps=(0,), then="other")
    found = told(protocol, before, unseen, scratch, then, after, kind=kind)
    assert set(found) == {"before", "then", "backward", "forward"}
    assert found["before"].tolist() == [[1.0, 2.0]]
    assert found["then"].tolist() == [[0.5, 0.5, 0.5]]
    assert found["backward"].tolist() == [[sign * -2.0, sign * 0.5]]
    assert found["forward"].tolist() == [[sign * 2.0, sign * -0.75, 0.0]]
