"""Trained learners outside the benchmark: adapt to new tasks, predict their query points."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks.core import Support
from benchmarks.core.contract import Explains
from benchmarks.core.errors import DataError
from benchmarks.core.text import count
from benchmarks.harness.predict.answering import Answers, Asked, answers
from benchmarks.harness.predict.checkpoint import Checkpoint
from benchmarks.harness.predict.classes import Labelled, demand_ways, labelled
from benchmarks.harness.predict.matching import Matched, matched
from benchmarks.harness.predict.merging import Merged, merged, merged_classes
from benchmarks.harness.predict.reading import Rows, odd_in, read_rows


class Prediction(NamedTuple):
    """What is predicted.

    Attributes:
        table: the rows to predict, in their order: what names their task, inputs, and in the
            target's own units a column for the prediction, empty where a row is of no task to adapt
            on. `low` and `high` are the ends of 90 % where the learner says how sure it is; else
            `seed_std` says how far several trainings differ. Of classes there is a column for the
            probability of each.
        warnings: what may be wrong, a sentence each.
        remarks: what the columns are, and what the learner did (REML: the composition).
        given: the columns that are from the file.
    """

    table: pd.DataFrame
    warnings: list[str]
    remarks: list[str]
    given: tuple[str, ...] = ()


def predict(
    trained: Checkpoint | Sequence[Checkpoint],
    support: Path,
    query: Path | None = None,
    steps: int | None = None,
    sheet: str | None = None,
) -> Prediction:
    """Adapt on some rows, and predict others.

    All rows hold the family's input columns in their own units, and those to adapt on the target,
    too. Where there are columns that name tasks, each task is adapted to on its own.

    Args:
        trained: several trainings of one learner, whose answers are averaged; or one.
        support: a file of rows to adapt on.
        query: one of rows to predict; those of `support` whose target is empty, if left out.
        steps: adaptation steps; those that validation chose, if left out.
        sheet: of Excel files; that of the training data, if left out.

    Raises:
        DataError: a file cannot be used, or the learner needs privileged information.
    """
    several = [trained] if isinstance(trained, Checkpoint) else [*trained]
    first = several[0]
    for it in several:
        _demand_usable(it, support)
    shown, asked = _rows(first, support, query, sheet)
    inputs = [str(name) for name in asked.table if name not in _targets(first)]
    known, words = _with_cells(shown, [*map(str, shown.table)], first.drop_missing, "to adapt on")
    shown = shown.some(known)
    there, more = _with_cells(asked, inputs, first.drop_missing, "to predict")
    tasks = matched(shown, asked.some(there))
    words += [*more, *tasks.words]
    place = np.full(len(asked), -1)
    place[there] = tasks.query
    labels, to_ask, more = _asked(shown, tasks, place, first)
    words += more
    asking = place >= 0
    for rows in (shown, asked.some(asking)):
        words += odd_in(rows, [it.problem for it in several])

    def answer_of(checkpoint: Checkpoint) -> Answers:
        problem = checkpoint.problem
        mine = to_ask
        if not labels:
            y = shown.targets(problem)
            mine = [replace(it, y=y[torch.from_numpy(it.rows)]) for it in to_ask]
        x = torch.zeros(len(asked), problem.features)
        x[torch.from_numpy(asking)] = asked.some(asking).inputs(problem)
        after = _steps(checkpoint, steps, problem.outputs if labels else 1)
        return answers(checkpoint.learner, mine, shown.inputs(problem), x, after, problem)

    answered = [answer_of(it) for it in several]
    table = pd.concat([asked.keys, asked.table[inputs]], axis=1)
    table = table.loc[:, ~table.columns.duplicated()]
    if labels:
        result = merged_classes(answered, labels, place, first.problem.target)
    else:
        problems = [it.problem for it in several]
        result = merged([*zip(problems, answered, strict=True)], [*table])
    words += _undone(asked, asking, result)
    remarks = [*result.words]
    if len(to_ask) == 1:
        remarks += _explained(several, shown, to_ask[0])
    whole = table.assign(**result.columns)
    return Prediction(whole, list(dict.fromkeys(words)), remarks, tuple(map(str, table)))


def points_shown(
    checkpoint: Checkpoint, support: Path, query: Path | None = None, sheet: str | None = None
) -> int:
    """How many rows there are to adapt on, the median over tasks; of each class in classification.

    Raises:
        DataError: a file cannot be used.
    """
    shown, asked = _rows(checkpoint, support, query, sheet)
    number = matched(shown, asked).support
    points = int(np.median(np.unique(number[number >= 0], return_counts=True)[1]))
    ways = checkpoint.problem.outputs if checkpoint.problem.kind == "classification" else 1
    return points // ways


def _demand_usable(checkpoint: Checkpoint, path: Path) -> None:
    if checkpoint.problem.image is not None:
        raise DataError(f"{path}: the learner is for pictures, and predict is for tables")
    if needs := checkpoint.learner.needs:
        raise DataError(f"{path}: the learner also needs {', '.join(sorted(needs))}")


def _targets(checkpoint: Checkpoint) -> list[str]:
    return checkpoint.problem.own_targets


def _rows(
    checkpoint: Checkpoint, support: Path, query: Path | None, sheet: str | None
) -> tuple[Rows, Rows]:
    """Those to adapt on, and those to predict."""
    targets = _targets(checkpoint)
    rows = read_rows(str(support), checkpoint, targets, sheet)
    blank = rows.table[targets].isna().all(axis=1).to_numpy(bool)
    if query is not None and not (blank.any() and _same(support, query)):
        return rows, read_rows(str(query), checkpoint, [], sheet)
    named = " and ".join(map(repr, targets))
    if not blank.any():
        raise DataError(
            f"{support}: no row has an empty {named}, so there is none to predict; leave it empty "
            "there, or give rows to predict with --query"
        )
    if blank.all():
        raise DataError(f"{support}: every {named} is empty, so there is no row to adapt on")
    return rows.some(~blank), rows.some(blank)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _with_cells(
    rows: Rows, columns: Sequence[str], drop: bool, what: str
) -> tuple[np.ndarray, list[str]]:
    """Which rows have all of these cells; and a word on the others, where they may be left out.

    `what` says what the rows are for.

    Raises:
        DataError: a row has not, and the learner's training data had none like it.
    """
    table = pd.concat([rows.keys, rows.table[[*columns]]], axis=1)
    missing = table.isna()
    there = ~missing.any(axis=1).to_numpy(bool)
    if there.all():
        return there, []
    column = next(name for name, empty in zip(table, missing.any(), strict=True) if empty)
    empty = missing.iloc[:, [*table].index(column)]
    if not drop or not there.any():
        raise DataError(
            f"{rows.path}: column {column!r} is empty in {int(empty.sum()):,} of {len(rows):,} "
            "rows; expected a value in each"
        )
    return there, [
        f"{rows.path}: {count(int((~there).sum()), 'row')} {what} left out, as a cell is empty "
        f"(column {column!r} in {rows.where(int(empty.to_numpy().argmax()))}, say)"
    ]


def _asked(
    shown: Rows, tasks: Matched, place: np.ndarray, checkpoint: Checkpoint
) -> tuple[list[tuple[str, ...]], list[Asked], list[str]]:
    """Of each task its classes, in classification; what to ask of each; and words on those left.

    Rows of tasks that are left out become rows of none in `place`.
    """
    problem = checkpoint.problem
    support, query = _places(tasks.support), _places(place)
    nothing = torch.zeros(0, problem.outputs)
    if problem.kind == "regression":
        return (
            [],
            [
                Asked(name, support[number], nothing, query[number])
                for number, name in enumerate(tasks.names)
            ],
            [],
        )
    classes = shown.values[problem.target]
    labels: list[tuple[str, ...]] = []
    found: list[Asked] = []
    wrong: dict[str, str] = {}
    repeated = 0
    for number, name in enumerate(tasks.names):
        mine = labelled(classes, support[number], problem.outputs)
        if isinstance(mine, Labelled):
            labels.append(mine.labels)
            repeated += mine.repeated
            found.append(Asked(name, mine.rows, mine.y, query[number]))
        else:
            labels.append(())
            wrong[name] = mine
            place[query[number]] = -1
    words = demand_ways(shown.path, problem.target, wrong, problem.outputs, bool(found))
    if repeated:
        where = f" in {count(repeated, 'task')}" if len(found) > 1 else ""
        words.append(
            f"{shown.path}: classes have unequally many rows{where}: those of the rarer ones count "
            "several times, so that each class weighs the same"
        )
    return labels, found, words


def _places(number: np.ndarray) -> dict[int, np.ndarray]:
    """The places of each number."""
    order = np.argsort(number, kind="stable")
    numbers, first = np.unique(number[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(order, first[1:]), strict=True))


def _steps(checkpoint: Checkpoint, given: int | None, ways: int) -> Callable[[int], int]:
    return lambda points: checkpoint.steps_for(points // ways) if given is None else given


def _undone(asked: Rows, asking: np.ndarray, result: Merged) -> Iterable[str]:
    """A word on answers that are no numbers."""
    values = pd.DataFrame({**result.columns})
    gone = asking & values.isna().all(axis=1).to_numpy(bool)
    if gone.any():
        where = asked.where(int(gone.argmax()))
        yield (
            f"{asked.path}: adaptation diverged for {count(int(gone.sum()), 'row')} ({where}, "
            "say): no prediction"
        )


def _explained(several: Sequence[Checkpoint], shown: Rows, asked: Asked) -> Iterator[str]:
    """What the trainings say of how they adapt to the one task; once where all say the same."""
    said: dict[str, list[str]] = {}
    for it in several:
        if not isinstance(it.learner, Explains):
            return
        rows = torch.from_numpy(asked.rows)
        y: Tensor = asked.y if len(asked.y) else shown.targets(it.problem)[rows]
        support = Support(shown.inputs(it.problem)[rows][None], y[None])
        if it.problem.within_tasks:
            support = support.within()
        for text in it.learner.explain(support):
            said.setdefault(text, []).append(it.called)
    for text, called in said.items():
        yield text if len(called) == len(several) else f"{', '.join(called)}: {text}"
