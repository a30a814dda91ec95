"""Omniglot: 1,623 characters of 50 alphabets, each drawn by 20 people (Lake et al., 2015)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, final

from annotated_types import Ge

from benchmarks.core import Split
from benchmarks.tasks.omniglot_files import SIDE, Omniglots, find, read
from benchmarks.tasks.pictures import PictureFamily, Pictures, Rotations, cut, shuffled

SIZES: Mapping[Split, int] = {"train": 1100, "validation": 100, "test": 423}
VALIDATION_ALPHABETS = 5


@final
@dataclass(frozen=True)
class Omniglot(PictureFamily):
    """Tell characters apart that nobody has seen before: 28×28 pixels, 20 drawings of each.

    The data are found under REML_DATA (omniglot/omniglot_28.npz with characters.csv, or the two
    original archives), or else downloaded once into the user's cache.

    Attributes:
        ways: classes of a task.
        split: "random" is 1,100 characters to train, 100 to validate and 423 to test, of all
            alphabets alike, as most papers do; "original" tests on the 20 alphabets of the
            evaluation set, trains on those of the background set and validates on 5 of these.
        rotations: where drawings turned by multiples of 90° are classes of their own.
        split_seed: which characters, or validation alphabets, the split has.
    """

    ways: Annotated[int, Ge(2)] = 5
    split: Literal["random", "original"] = "random"
    rotations: Rotations = "train"
    split_seed: Annotated[int, Ge(0)] = 0

    name: ClassVar[str] = "omniglot"
    version: ClassVar[int] = 1

    @property
    def source(self) -> str:
        return "omniglot"

    @property
    def grouped_by(self) -> str:
        return "set of classes" if self.split == "random" else "set of alphabets"

    def group_of(self, name: str) -> str:
        return name if self.split == "random" else alphabet_of(name)

    @property
    def image(self) -> tuple[int, int, int]:
        return 1, SIDE, SIDE

    @property
    def fingerprint(self) -> str:
        return self._omniglot.digest

    def load(self) -> Pictures:
        return self._omniglot.pictures

    def assign(self, names: tuple[str, ...]) -> Mapping[Split, Sequence[str]]:
        if self.split == "random":
            return cut(names, self.split_seed, SIZES)
        background = self._omniglot.background
        alphabets = {alphabet_of(name) for name in background}
        held_out = shuffled(sorted(alphabets), self.split_seed)[:VALIDATION_ALPHABETS]
        return {
            "train": [name for name in background if alphabet_of(name) not in held_out],
            "validation": [name for name in background if alphabet_of(name) in held_out],
            "test": [name for name in names if name not in background],
        }

    @property
    def _omniglot(self) -> Omniglots:
        return read(find())


def alphabet_of(name: str) -> str:
    """The alphabet of a character that is called alphabet/character."""
    return name.partition("/")[0]
