"""Curves of several shapes: what one network suits best differs from task to task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, final

import torch
from annotated_types import Gt
from jaxtyping import Float
from torch import Tensor

from benchmarks.core.errors import nearest
from benchmarks.tasks.curves import Curves, Parameters
from benchmarks.tasks.line import Line
from benchmarks.tasks.quadratic import Quadratic
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.tasks.square_wave import SquareWave
from benchmarks.tasks.triangle_wave import TriangleWave

KNOWN: Mapping[str, Curves] = {
    family.name: family
    for family in (Sinusoid(), SquareWave(), TriangleWave(), Line(), Quadratic())
}


@final
@dataclass(frozen=True)
class Mixture(Curves):
    """Each task is a curve of one of several families, drawn for it at random.

    The families have the ranges that are their defaults. The one privileged field is "component",
    of shape (tasks, 1) and whole numbers: the place of the task's family in `components`. The other
    fields are those of `Curves`.

    Attributes:
        components: names of families of curves.
        weights: how often each is drawn, relative to the others; if left out, all equally often.
    """

    components: tuple[str, ...] = tuple(KNOWN)
    weights: tuple[Annotated[float, Gt(0)], ...] = ()

    name: ClassVar[str] = "mixture"
    version: ClassVar[int] = 1  # bumped with that of any family in KNOWN
    shown: ClassVar[frozenset[str] | None] = frozenset({"component"})

    def __post_init__(self) -> None:
        """Check components and weights.

        Raises:
            ValueError: a component is unknown or named twice, there is none, or a weight is missing
                or not positive.
        """
        super().__post_init__()
        if not self.components:
            raise ValueError("expected at least one of the components")
        for component in self.components:
            if component not in KNOWN:
                raise ValueError(f"unknown component {component!r}; {nearest(component, KNOWN)}")
            if self.components.count(component) > 1:
                raise ValueError(f"component {component!r} is named twice; give it a weight")
        if self.weights and len(self.weights) != len(self.components):
            raise ValueError(
                f"expected one weight a component, got {len(self.weights)} for "
                f"{len(self.components)} components"
            )
        if not all(weight > 0 for weight in self.weights):
            raise ValueError(f"expected weights above 0, got {min(self.weights)}")

    def draw(self, n_tasks: int, generator: torch.Generator) -> Parameters:
        weights = torch.tensor(self.weights or [1.0] * len(self.components), dtype=torch.float64)
        ends = (weights / weights.sum()).cumsum(0)[:-1]
        chance = torch.rand(n_tasks, 1, generator=generator, dtype=torch.float64)
        parameters = {"component": torch.bucketize(chance, ends, right=True)}
        # every family draws for every task, so that what it draws does not depend on the weights
        for component in self.components:
            for name, values in KNOWN[component].draw(n_tasks, generator).items():
                parameters[f"{component} {name}"] = values
        return parameters

    def curve(
        self, x: Float[Tensor, "tasks points 1"], parameters: Parameters
    ) -> Float[Tensor, "tasks points 1"]:
        y = torch.empty_like(x)
        for number, component in enumerate(self.components):
            rows = parameters["component"][:, 0] == number
            mine = {
                name.removeprefix(f"{component} "): values[rows]
                for name, values in parameters.items()
                if name.startswith(f"{component} ")
            }
            y[rows] = KNOWN[component].curve(x[rows], mine)
        return y
