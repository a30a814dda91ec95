"""A trained learner outside the benchmark: adapt to one new task, predict its query points."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from benchmarks.core import MetaLearner, Problem, Support
from benchmarks.core.contract import Explains
from benchmarks.core.errors import DataError, StoreError
from benchmarks.core.text import count
from benchmarks.harness.disk.files import read_json
from benchmarks.harness.disk.shapes import check_record
from benchmarks.harness.plan.fields import build
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.kept import LEARNER, check_learner
from benchmarks.tasks.columns import (
    choose,
    read_sheet,
    standardised,
    to_numbers,
    without_missing,
)
from benchmarks.tasks.dates import Origin, parted, to_dates
from benchmarks.tasks.forms import USUAL, Form, Misread, delimiter_of, form_of
from benchmarks.tasks.names import plain
from benchmarks.tasks.sniffing import sniff


@dataclass(frozen=True)
class Checkpoint:
    """A trained learner and what its family's columns are."""

    learner: MetaLearner
    problem: Problem
    steps: int
    """The most adaptation steps its trial scored."""
    form: Form = USUAL
    """How the file is written that it was trained on. Others may have another delimiter."""


def load_checkpoint(path: Path, registry: Registry) -> Checkpoint:
    """Load a trial's folder, or the `learner.pt` in it; nothing is unpickled.

    Raises:
        StoreError: the folder holds no finished trial, or its files cannot be read.
        MatrixError: the learner no longer has the fields it was trained with.
        UnknownName: the learner is not installed and no plugin brings it.
    """
    folder = path.parent if path.name == "learner.pt" else path
    for needed in LEARNER:
        if not (folder / needed).is_file():
            raise StoreError(f"{folder}: is not the folder of a finished trial (no {needed})")
    check_learner(folder, LEARNER)
    record = check_record(folder / "trial.json", read_json(folder / "trial.json"))
    try:
        state = torch.load(folder / "learner.pt", map_location="cpu", weights_only=True)
    except Exception as error:  # torch advises to load it with weights_only=False
        what = "holds other things than tensors, numbers and text, or is damaged"
        raise StoreError(f"{folder / 'learner.pt'}: {what}") from error
    try:
        spec, problem = record["spec"], record["problem"]
        known = {name: _tuples(value) for name, value in problem.items()}
        steps = max(spec["protocol"]["steps"])
        form = form_of(spec["family"]["fields"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{folder}: cannot be read as a trial ({error})") from error
    name = spec["learner"]["name"]
    found = registry.find("learner", name, str(folder))
    before = getattr(found.cls, "later", {})
    learner: MetaLearner = build(found.cls, before, spec["learner"]["fields"], f"{folder}: {name}")
    learner.load_state(state)
    return Checkpoint(learner, Problem(**known), steps, form)


def predict(
    checkpoint: Checkpoint, support: Path, query: Path, steps: int | None
) -> tuple[pd.DataFrame, list[str]]:
    """Adapt on the rows of one file and predict those of another.

    Both hold the family's input columns in their own units; `support` also the target. `steps`
    adaptation steps are taken, the most its trial scored where it is None.

    Returns:
        The query inputs with a column for the prediction, in the target's own units, and what the
        learner says of its adaptation (REML: the composition).

    Raises:
        DataError: a file cannot be used, or the learner needs privileged information.
    """
    learner, problem = checkpoint.learner, checkpoint.problem
    if problem.image is not None:
        raise DataError(f"{support}: the learner is for pictures, and predict is for tables")
    if learner.needs:
        raise DataError(f"{support}: the learner also needs {', '.join(sorted(learner.needs))}")
    targets = [name for name, *_ in problem.columns]
    known, x, words = _inputs(support, checkpoint, targets)
    asked, query_x, more = _inputs(query, checkpoint, [])
    words += more
    labels: list[str] = []
    if problem.kind == "classification":
        rows, y, labels, said = _classes(support, known[problem.target], problem.outputs)
        task, words = Support(x[:, rows], y), [*words, *said]
    else:
        task = Support(x, _targets(support, known, problem))
    (adapted,) = learner.adapt(task, [checkpoint.steps if steps is None else steps])
    answer = adapted(query_x)[0]
    if labels:
        asked[problem.target] = [labels[number] for number in answer.argmax(1).tolist()]
    else:
        for number, (name, scale, offset) in enumerate(problem.columns):
            asked[name] = answer[:, number].double().numpy() * scale + offset
    return asked, [*words, *(learner.explain(task) if isinstance(learner, Explains) else [])]


def _classes(
    path: Path, column: "pd.Series[str]", ways: int
) -> tuple[torch.Tensor, torch.Tensor, list[str], list[str]]:
    """The rows to adapt on, equally many of each class; their classes, one-hot; names; warnings.

    Raises:
        DataError: there are other than `ways` classes.
    """
    labels = sorted(column.unique())
    if len(labels) != ways:
        raise DataError(
            f"{path}: column {column.name!r} holds {len(labels)} classes, and the learner tells "
            f"{ways} from each other; expected as many"
        )
    shots = int(column.value_counts().min())
    kept = (column.groupby(column).cumcount() < shots).to_numpy()
    words = []
    if not kept.all():
        words.append(f"{path}: adapted on the first {count(shots, 'row')} of each class alone")
    number = torch.tensor([labels.index(it) for it in column[kept]])
    y = torch.nn.functional.one_hot(number, ways).float().unsqueeze(0)
    return torch.from_numpy(np.flatnonzero(kept)), y, labels, words


def read_points(
    path: Path, checkpoint: Checkpoint, targets: bool
) -> tuple[torch.Tensor, torch.Tensor | None, list[str]]:
    """Inputs and, if wanted, targets of a file as the learner knows them, and warnings.

    Both are of shape (1, points, ...), standardised.

    Raises:
        DataError: the file cannot be used.
    """
    columns = checkpoint.problem.columns if targets else ()
    table, x, words = _inputs(path, checkpoint, [name for name, *_ in columns])
    if not targets:
        return x, None, words
    return x, _targets(path, table, checkpoint.problem), words


def _targets(path: Path, table: pd.DataFrame, problem: Problem) -> torch.Tensor:
    """Standardised, of shape (1, points, outputs)."""
    told = [_standard(path, table[it], offset, scale) for it, scale, offset in problem.columns]
    return torch.tensor(np.stack(told, 1), dtype=torch.float32).unsqueeze(0)


def columns_of(problem: Problem) -> list[str]:
    """The columns of the user's behind the inputs, each once."""
    return list(dict.fromkeys(_source(name, ()).column for name in problem.inputs))


def _inputs(
    path: Path, checkpoint: Checkpoint, more: Sequence[str]
) -> tuple[pd.DataFrame, torch.Tensor, list[str]]:
    """The columns as read, inputs as learners know them, (1, points, features), and warnings."""
    problem, form = checkpoint.problem, checkpoint.form
    try:
        return _read(path, problem, more, form)
    except Misread:
        seen = sniff(str(path))
        usual = form.delimiter or delimiter_of(str(path)), form.decimal
        if (seen.delimiter, seen.decimal) == usual:
            raise
        with suppress(DataError):
            other = form._replace(delimiter=seen.delimiter, decimal=seen.decimal)
            return _read(path, problem, more, other)
        raise


def _read(
    path: Path, problem: Problem, more: Sequence[str], form: Form
) -> tuple[pd.DataFrame, torch.Tensor, list[str]]:
    needed = {*problem.inputs, *(name.partition("=")[0] for name in problem.inputs), *more}
    sheet = read_sheet(str(path), needed, form=form)
    sources = {name: _source(name, sheet.names) for name in problem.inputs}
    columns = [it.column for it in sources.values()]
    dates = {it.column for it in sources.values() if it.origin is not None}
    names = {it.column for it in sources.values() if it.category is not None}
    labels = {*more} if problem.kind == "classification" else set()
    numbers = {*columns, *more} - dates - names - labels
    whole = choose(sheet, [*columns, *more], numbers, names | labels, dates).table
    table = without_missing(str(path), whole, False, "; expected a value in each")
    features: list[np.ndarray] = []
    for name, offset, scale in zip(
        problem.inputs, problem.input_offset, problem.input_scale, strict=True
    ):
        column, category, origin = sources[name]
        cells, rows = table[column], table.index.to_numpy()
        if category is not None:
            features.append((cells == plain(category)).to_numpy(float))
        elif origin is not None:
            values = origin.numbers(to_dates(str(path), cells, origin.order).values)
            features.append(standardised(str(path), column, values, rows, offset, scale))
        else:
            features.append(_standard(path, cells, offset, scale))
    stacked = torch.tensor(np.stack(features, 1), dtype=torch.float32).unsqueeze(0)
    words = [word for column in sorted(names) for word in _strange(path, table[column], sources)]
    return table, stacked, words


def _strange(
    path: Path, cells: "pd.Series[str]", sources: Mapping[str, "_Source"]
) -> Iterator[str]:
    """A word on categories that the learner was not trained on."""
    known = {plain(it.category or "") for it in sources.values() if it.column == cells.name}
    strange = cells[~cells.isin(known)]
    if len(strange):
        yield (
            f"{path}: column {cells.name!r} holds {strange.iloc[0]!r} in row "
            f"{int(strange.index[0]) + 1:,}, a category that no training row had; "
            f"{count(len(strange), 'row')} like it {'has' if len(strange) == 1 else 'have'} none"
        )


def _standard(path: Path, column: "pd.Series[str]", offset: float, scale: float) -> np.ndarray:
    values, rows = to_numbers(str(path), column), column.index.to_numpy()
    return standardised(str(path), str(column.name), values, rows, offset, scale)


class _Source(NamedTuple):
    """The column behind an input; of a 0/1 input its category, of dates what they count from."""

    column: str
    category: str | None = None
    origin: Origin | None = None


def _source(name: str, columns: Collection[str]) -> _Source:
    if name in columns:
        return _Source(name)
    if date := parted(name):
        return _Source(date[0], origin=date[1])
    column, equals, category = name.partition("=")
    return _Source(column, category) if equals else _Source(name)


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
