"""Handwritten digits, 8×8, that come with scikit-learn: nothing to download."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, final

import numpy as np
from annotated_types import Ge
from sklearn.datasets import load_digits

from benchmarks.core import Split
from benchmarks.tasks.pictures import PictureFamily, Pictures, Rotations, cut

DIGITS = 10
INK = 16


@final
@dataclass(frozen=True)
class Digits(PictureFamily):
    """Tell handwritten digits apart (the test set of Alpaydin & Kaynak, 1998): 1,797 of 8×8 pixels.

    By default four digits are for training, three for validation and three for the test, whatever
    the digits mean; each has 174 to 183 pictures. By the default `split_seed` both 6 and 9 are for
    training then: turned by 180°, each is all but the other, which should not be told apart at
    test. Three ways out of three digits are always the same three: for episodes that differ, test
    on more.

    Attributes:
        ways: classes of a task.
        rotations: where pictures turned by multiples of 90° are classes of their own.
        split_seed: which digits are in which split.
        validation_classes: how many digits are for validation.
        test_classes: how many are for the test; the others are for training.
    """

    ways: Annotated[int, Ge(2)] = 3
    rotations: Rotations = "train"
    split_seed: Annotated[int, Ge(0)] = 1
    validation_classes: Annotated[int, Ge(1)] = 3
    test_classes: Annotated[int, Ge(1)] = 3

    name: ClassVar[str] = "digits"
    version: ClassVar[int] = 1
    later: ClassVar[Mapping[str, Any]] = {"validation_classes": 3, "test_classes": 3}

    def __post_init__(self) -> None:
        """Check that a digit is left for training.

        Raises:
            ValueError: none is.
        """
        held_out = self.validation_classes + self.test_classes
        if held_out >= DIGITS:
            raise ValueError(
                f"expected validation_classes + test_classes of at most {DIGITS - 1}, so that a "
                f"digit is left to train on, got {held_out}"
            )

    @property
    def source(self) -> str:
        return "digits"

    @property
    def image(self) -> tuple[int, int, int]:
        return 1, 8, 8

    @property
    def fingerprint(self) -> str:
        return _digits().digest()

    def load(self) -> Pictures:
        return _digits()

    def assign(self, names: tuple[str, ...]) -> Mapping[Split, Sequence[str]]:
        held_out = self.validation_classes + self.test_classes
        sizes: dict[Split, int] = {
            "train": DIGITS - held_out,
            "validation": self.validation_classes,
            "test": self.test_classes,
        }
        return cut(names, self.split_seed, sizes)


@cache
def _digits() -> Pictures:
    pictures, digit = load_digits(return_X_y=True)
    pictures = pictures.astype(np.uint8)
    by_name = {str(number): pictures[digit == number] for number in range(10)}
    return Pictures.stacked(by_name, (1, 8, 8), INK)
