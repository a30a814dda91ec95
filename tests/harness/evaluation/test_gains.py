"""Each metric worked out by hand."""

import math

import pytest
import torch

from benchmarks.harness.evaluation.gains import LEAST, of_elsewhere, of_retention, of_transfer

STEPS = (0, 1, 3)
OWN = torch.tensor([[4.0, 1.0], [2.0, 5.0], [1.0, 5.0]])
SCRATCH = torch.tensor([[5.0, 6.0], [4.0, 5.0], [2.0, 4.0]])


def test_transfer_by_hand() -> None:
    found = of_transfer(OWN, SCRATCH, STEPS, "regression")
    assert found["jumpstart"].tolist() == [1.0, 5.0]
    # one step from 4 to 2, two from 2 to 1; one from 1 to 5, two at 5
    assert found["area"].tolist() == pytest.approx([(3 + 2 * 1.5) / 3, (3 + 2 * 5) / 3])
    # 2 is reached after 1 step; 4 is reached before any, and lost again
    assert found["steps_to_threshold"].tolist() == [1.0, 0.0]


def test_a_threshold_never_reached_is_one_more_than_the_most_steps() -> None:
    found = of_transfer(OWN, SCRATCH / 10, STEPS, "regression")
    assert found["steps_to_threshold"].tolist() == [4.0, 4.0]


def test_transfer_of_accuracies_by_hand() -> None:
    own = torch.tensor([[0.25], [0.75], [1.0]])
    scratch = torch.tensor([[0.5], [0.5], [0.75]])
    found = of_transfer(own, scratch, STEPS, "classification")
    assert found["accuracy_jumpstart"].tolist() == [-0.25]
    assert found["accuracy_area"].tolist() == pytest.approx([(0.5 + 2 * 0.875) / 3])
    assert found["steps_to_threshold"].tolist() == [1.0]
    assert set(found) == {"accuracy_jumpstart", "accuracy_area", "steps_to_threshold"}


def test_elsewhere_by_hand() -> None:
    own, scratch = torch.tensor([[0.1, 2.0, 3.0]]), torch.tensor([[1.0, 2.0, 0.3]])
    found = of_elsewhere(own, scratch, "regression")
    assert found["vs_scratch"].tolist()[0] == pytest.approx([-1.0, 0.0, 1.0], abs=1e-6)
    of_classes = of_elsewhere(own, scratch, "classification")
    assert of_classes["accuracy_vs_scratch"].tolist()[0] == pytest.approx([-0.9, 0.0, 2.7])


def test_no_error_at_all_is_a_number() -> None:
    nothing, some = torch.zeros(1, 2), torch.tensor([[1.0, 3.0]])
    found = of_elsewhere(nothing, some, "regression")["vs_scratch"].tolist()[0]
    assert found == pytest.approx([math.log10(2 * LEAST), math.log10(2 * LEAST / 3)], rel=1e-4)
    assert of_elsewhere(nothing, nothing, "regression")["vs_scratch"].tolist() == [[0.0, 0.0]]
    behind = of_elsewhere(some, nothing, "regression")["vs_scratch"]
    assert bool(behind.isfinite().all())


@pytest.mark.parametrize(
    ("kind", "sign", "before"), [("regression", 1, ""), ("classification", -1, "accuracy_")]
)
def test_retention_by_hand(kind, sign, before) -> None:
    def level(*values: float) -> torch.Tensor:
        return torch.tensor([values])

    found = of_retention(
        before=level(1.0, 2.0),
        after=level(3.0, 1.5),
        unseen=level(4.0, 1.0, 0.5),
        then=level(0.5, 0.5, 0.5),
        scratch=level(6.0, 0.25, 0.5),
        kind=kind,
    )
    assert set(found) == {f"{before}{name}" for name in ("before", "then", "backward", "forward")}
    assert found[f"{before}before"].tolist() == [[1.0, 2.0]]
    assert found[f"{before}then"].tolist() == [[0.5, 0.5, 0.5]]
    assert found[f"{before}backward"].tolist() == [[sign * -2.0, sign * 0.5]]
    assert found[f"{before}forward"].tolist() == [[sign * 2.0, sign * -0.75, 0.0]]
