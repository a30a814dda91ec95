"""What a statistician would use: a linear mixed model, an intercept and slopes for every group."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Le
from jaxtyping import Float
from torch import Tensor

from baselines._coefficients import Coefficients, conditioned, least_noise
from baselines._episodic import Count
from baselines._kept import Fit, Keeper, Tasks
from baselines._optional import demand
from benchmarks.core import Predictor, Support
from benchmarks.core.search import OneOf, Space, Whole

demand("statsmodels", "mixed", "statsmodels")

METHODS = "lbfgs", "powell"
"""The second is slow, and finds optima at the edge of what covariances can be."""
ALIKE = 1e-6
"""A column whose part that others do not explain is below this share of it says nothing new."""


@dataclass
class Mixed(Keeper):
    """Statsmodels' MixedLM on the rows of the training tasks, by restricted maximum likelihood.

    The target is linear in the inputs: all tasks share an intercept and slopes, from which those of
    each task stray normally, with one covariance (Laird & Ware, 1982). A group, in the words of
    MixedLM, is a task: a learner is not told which tasks are of one group of the data. For a new
    task, the prediction is the best linear unbiased one given its support rows (BLUP: Robinson,
    1991), at the estimates of the model; so is the standard deviation, noise included, which leaves
    out how unsure these estimates are. Adaptation steps change nothing, and from no rows at all the
    prediction would be that of the shared line.

    Inputs that others explain linearly in the training rows (constants, the last of some 0/1
    features) are left out. Where MixedLM finds no optimum with slopes that is worth more than the
    one without (they may not differ at all, or tasks are too few), only intercepts differ by task;
    where even that fails, nothing does, and it is linear regression. `explain` says which it was.
    With several outputs each has a model of its own.

    Attributes:
        degree: powers of each input that the target is linear in; each is an input to all of this.
        slopes: whether slopes differ by task, or intercepts alone. With more than
            `most_correlated` inputs, what intercept and slopes do is taken to be uncorrelated.
        most_correlated: see above; a covariance of many takes long to estimate.
        most_tasks: training tasks that are kept, a sample of those drawn. A task that is drawn
            again counts once where all its rows are drawn each time, else each time.
        train_queries: rows of a training task beside one, at most.
    """

    most_tasks: Count = 150
    degree: Annotated[int, Ge(1), Le(5)] = 1
    slopes: bool = True
    most_correlated: Count = 3

    name: ClassVar[str] = "mixed"
    search: ClassVar[Space] = {"degree": Whole(1, 3), "slopes": OneOf((True, False))}
    effort: ClassVar[float] = 1e-4
    trains_with: ClassVar[tuple[str, ...]] = ("statsmodels.regression.mixed_linear_model",)
    test_fields: ClassVar[Mapping[str, Any]] = {"most_tasks": 20}

    def explain(self, support: Support) -> list[str]:
        said = ", ".join(dict.fromkeys(it.said for it in self._model()))
        return [said] * len(support)

    def _fitter(self) -> Fit:
        return Fitter(self.degree, self.slopes, self.most_correlated)

    def _told(self, model: Any, support: Support) -> Predictor:
        return conditioned(model, support)


@dataclass(frozen=True)
class Terms:
    """A constant, and the powers of inputs that are used."""

    degree: int
    used: tuple[int, ...]

    def __call__(self, x: Float[Tensor, "tasks points features"]) -> Tensor:
        powers = powers_of(x.double(), self.degree)
        return torch.cat([torch.ones_like(x[..., :1]), powers[..., list(self.used)]], 2)


def powers_of(x: Tensor, degree: int) -> Tensor:
    return torch.cat([x**power for power in range(1, degree + 1)], -1)


@dataclass(frozen=True)
class Fitter:
    """What makes a model of tasks: a prior of intercept and slopes for each output."""

    degree: int
    slopes: bool
    most_correlated: int

    def __call__(self, tasks: Tasks) -> list[Coefficients]:
        x, y = powers_of(torch.from_numpy(tasks.x).double(), self.degree), tasks.y.astype(float)
        used = telling(x.numpy())
        design = np.column_stack([np.ones(len(x)), x[:, used]])
        terms = Terms(self.degree, used)
        return [Coefficients(terms, *self._fit(design, it, tasks.task)) for it in y.T]

    def _fit(
        self, design: np.ndarray, y: np.ndarray, task: np.ndarray
    ) -> tuple[Tensor, Tensor, float, str]:
        floor = least_noise(torch.from_numpy(y))
        best: Any = None
        for width, what in ((design.shape[1], "a line"), (1, "an intercept"))[not self.slopes :]:
            found = self._estimated(design, y, task, width)
            if found is not None and (best is None or found.llf > best[0].llf):
                best = found, width, what
            if best is not None and best[0].converged:
                break
        if best is None:
            weight, *_ = np.linalg.lstsq(design, y)
            own, noise = np.zeros((1, 1)), float(((y - design @ weight) ** 2).mean())
            said = "one line for all tasks"
        else:
            found, width, what = best
            weight, own, noise = np.asarray(found.fe_params, float), found.cov_re, found.scale
            said = f"{what} for each task"
        whole = np.zeros((len(weight), len(weight)))
        values, vectors = np.linalg.eigh(np.asarray(own, float))
        whole[: len(own), : len(own)] = (vectors * values.clip(0)) @ vectors.T
        return torch.from_numpy(weight), torch.from_numpy(whole), max(floor, float(noise)), said

    def _estimated(self, design: np.ndarray, y: np.ndarray, task: np.ndarray, width: int) -> Any:
        """MixedLM with the first `width` columns differing by task, where it comes to something."""
        from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams

        free = None
        if width > self.most_correlated + 1:
            free = MixedLMParams.from_components(np.ones(design.shape[1]), np.eye(width))
        for method in METHODS:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of optima at the edge of what variances are
                    model = MixedLM(y, design, task, exog_re=design[:, :width])
                    found = model.fit(method=method, free=free)
                    numbers = found.llf, found.scale, *found.fe_params, *np.ravel(found.cov_re)
            except (np.linalg.LinAlgError, ValueError):
                continue
            if np.isfinite(numbers).all() and (found.converged or method == METHODS[-1]):
                return found
        return None


def telling(x: np.ndarray) -> tuple[int, ...]:
    """The inputs that say something that a constant and those before do not."""
    basis = np.full((len(x), 1), 1 / np.sqrt(max(1, len(x))))
    used: list[int] = []
    for i, column in enumerate(x.T):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > ALIKE * float(np.linalg.norm(column)):
            used.append(i)
            basis = np.column_stack([basis, rest / size])
    return tuple(used)
