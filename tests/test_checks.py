"""What annotations say is checked while tests run, shapes or none."""

from dataclasses import dataclass

import beartype
import jaxtyping
import pytest
from beartype.roar import BeartypeCallHintParamViolation, BeartypeCallHintReturnViolation
from jaxtyping import Float, TypeCheckError
from torch import Tensor, zeros


def checked(function):
    return jaxtyping.jaxtyped(function, typechecker=beartype.beartype)


def test_arguments_and_values_without_shapes_are_checked():
    @checked
    def half(number: int, *, whole: "bool" = True) -> "int":
        return number // 2 if whole else str(number)

    assert half(4) == 2
    for wrong in (("four",), {"whole": 1}):
        with pytest.raises(BeartypeCallHintParamViolation):
            half(4, **wrong) if isinstance(wrong, dict) else half(*wrong)
    for _ in range(2):
        with pytest.raises(BeartypeCallHintReturnViolation):
            half(4, whole=False)


def test_a_value_of_another_sort_is_checked_where_the_arguments_are_known():
    values = [1, "two", 3]

    @checked
    def told(_: int, *others: str) -> int:
        return values.pop(0)

    assert told(1, "x") == 1
    with pytest.raises(BeartypeCallHintReturnViolation):
        told(1, "y")
    assert told(1, "z") == 3


def test_shapes_are_compared_with_each_other():
    @checked
    def rows(x: Float[Tensor, "n d"], other: list[Float[Tensor, "n"]]) -> Float[Tensor, "n"]:
        return x.sum(1)[: len(other)]

    assert rows(zeros(1, 3), [zeros(1)]).shape == (1,)
    with pytest.raises(TypeCheckError):
        rows(zeros(2, 3), [zeros(3)])
    with pytest.raises(TypeCheckError):
        rows(zeros(2, 3), [zeros(2)])


def test_fields_of_dataclasses_are_checked_each_class_by_itself():
    @checked
    @dataclass
    class Count:
        of: int

    @checked
    @dataclass
    class Name:
        of: str

    @checked
    @dataclass
    class Both(Count):
        rows: Float[Tensor, "n"]
        ends: Float[Tensor, "n"]

    for _ in range(2):
        assert Count(3).of == 3
        assert Name("three").of == "three"
        assert Both(3, zeros(2), zeros(2)).rows.shape == (2,)
        for kind, wrong in ((Count, "three"), (Name, 3)):
            with pytest.raises(BeartypeCallHintParamViolation):
                kind(wrong)
        with pytest.raises(TypeCheckError):
            Both(3, zeros(2), zeros(3))
        for _ in range(300):  # later ones, too
            Count(3)
