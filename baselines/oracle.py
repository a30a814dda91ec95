"""The ceiling: least squares by somebody who knows which curves the family is made of."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Gt
from jaxtyping import Float
from torch import Tensor

from baselines._untrained import Untrained
from benchmarks.core import Predictor, Problem, Support

PRECISION = 1e-7  # of the single-precision numbers that targets are: smaller directions are noise


@dataclass
class Oracle(Untrained):
    """Fits the coefficients of a known form to each task's support points.

    The form is linear in its coefficients, so this is one small least-squares problem a task. With
    as many points as coefficients and no noise it is exact; with fewer, the smallest coefficients
    that fit are taken (Penrose, 1956). It sees the support set alone, yet no learner that has to
    find out the form from tasks is as well off: it is marked † everywhere. With several inputs the
    form is a sum over them.

    Attributes:
        form: `sinusoid` is a·sin(fx) + b·cos(fx), any amplitude and phase; `line` is a + bx,
            `quadratic` a + bx + cx².
        frequency: the f of a `sinusoid`; the others ignore it.
    """

    form: Literal["sinusoid", "line", "quadratic"] = "sinusoid"
    frequency: Annotated[float, Gt(0)] = 1.0

    name: ClassVar[str] = "oracle"
    privileged: ClassVar[bool] = True

    def idle(self, problem: Problem) -> frozenset[str]:
        """Fields that make no difference, given the others."""
        return frozenset() if self.form == "sinusoid" else frozenset({"frequency"})

    def _fitted(self, support: Support) -> Predictor:
        """The known form, with the coefficients that fit the support points best."""
        inverse = torch.linalg.pinv(self._terms(support.x), rtol=PRECISION)
        coefficients = inverse @ support.y.double()

        def predict(x: Tensor) -> Tensor:
            return (self._terms(x) @ coefficients).to(support.y.dtype)

        return predict

    def _terms(
        self, x: Float[Tensor, "tasks points features"]
    ) -> Float[Tensor, "tasks points terms"]:
        """What the coefficients multiply, in double precision."""
        x = x.double()
        if self.form == "sinusoid":
            return torch.cat([torch.sin(self.frequency * x), torch.cos(self.frequency * x)], 2)
        powers = [torch.ones_like(x[..., :1]), x]
        return torch.cat([*powers, x**2] if self.form == "quadratic" else powers, 2)
