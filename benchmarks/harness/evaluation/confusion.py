"""Which class was called which, counted over the test tasks of one trial."""

from collections.abc import Sequence

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from benchmarks.core import Split, TaskBatch, TaskFamily
from benchmarks.core.errors import ContractError
from benchmarks.harness.evaluation.frames import Columns

CLASS = "class"
"""The privileged field that says which class of the split stands behind each number."""


def class_names(family: TaskFamily, split: Split) -> Sequence[str] | None:
    """The names of the classes of a split; None of families that do not say."""
    classes = getattr(family, "classes", None)
    return None if classes is None else classes[split]


def add_confusion(
    table: Columns,
    prediction: Float[Tensor, "tasks points ways"],
    batch: TaskBatch,
    names: Sequence[str],
    shots: int,
    steps: int,
) -> None:
    """One row a pair of classes that came up; `batch` has its privileged fields.

    `count` is how often a query point of the class `true` was called `predicted`, and `queries` how
    many such points there were in the tasks that had the class `predicted` to offer. Where several
    classes have the largest logit, the first of them counts; their numbers are random.

    Raises:
        ContractError: a class has no name.
    """
    ids = batch.support.privileged[CLASS].long()
    most = int(ids.max())
    if most >= len(names):
        raise ContractError(f"there are {len(names)} names of classes, but a class {most}")
    mask = batch.query.mask
    true, predicted = (ids.gather(1, it.argmax(2)) for it in (batch.query.y, prediction))
    counts = _count((true * len(names) + predicted)[mask], torch.ones(int(mask.sum())))
    each = (batch.query.y * mask.unsqueeze(2)).sum(1)
    pairs = ids.unsqueeze(2) * len(names) + ids.unsqueeze(1)
    offered = _count(pairs.flatten(), each.unsqueeze(2).expand(pairs.shape).flatten())
    codes = counts.index.to_numpy()
    table.add(
        shots=shots,
        steps=steps,
        true=[names[code // len(names)] for code in codes],
        predicted=[names[code % len(names)] for code in codes],
        count=counts.to_numpy(),
        queries=offered.loc[codes].to_numpy(),
    )


def _count(codes: Int[Tensor, " rows"], times: Float[Tensor, " rows"]) -> "pd.Series[float]":
    """How often each code is there, each row as often as `times` says; codes in order."""
    rows = pd.Series(times.double().numpy(), index=codes.numpy())
    return rows.groupby(level=0, sort=True).sum()
