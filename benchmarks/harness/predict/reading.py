"""Rows of new tasks, from files in any form that a family of tables reads."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import Problem
from benchmarks.core.errors import DataError, UserError
from benchmarks.core.text import count
from benchmarks.harness.predict.checkpoint import Checkpoint
from benchmarks.tasks.columns import choose, logarithms, read_sheet, standardised, to_numbers
from benchmarks.tasks.dates import Origin, parted, to_dates
from benchmarks.tasks.excel_file import sheets_of
from benchmarks.tasks.forms import Form, Misread, delimiter_of, suffix_of
from benchmarks.tasks.names import plain
from benchmarks.tasks.sniffing import sniff
from benchmarks.tasks.soundness import OUTSIDE

FAR_DEVIATIONS = 5.0
"""The same in standard deviations, where the range was not kept."""


@dataclass(frozen=True)
class Rows:
    """Some rows of a file.

    Attributes:
        path: the file.
        table: all columns that were asked for, as text; the index says where in the file a row is.
        values: of each of these, an array with the axis `rows`: numbers, moments or names.
        keys: the columns whose values name a task, as far as the file has them.
        lines: of a file of text, in which each of its rows begins.
    """

    path: str
    table: pd.DataFrame
    values: Mapping[str, np.ndarray]
    keys: pd.DataFrame
    lines: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.table)

    def some(self, chosen: np.ndarray) -> "Rows":
        """Those that are chosen, by truth or by place."""
        values = {name: it[chosen] for name, it in self.values.items()}
        table, keys = self.table.iloc[chosen], self.keys.iloc[chosen]
        return replace(self, table=table, values=values, keys=keys)

    def where(self, at: int) -> str:
        """Which row of the file it is that is here at this place, counted from 1."""
        number = int(self.table.index[at])
        return f"row {number + 1:,}" + (f" (line {self.lines[number]:,})" if self.lines else "")

    def demand_whole(self) -> None:
        """No cell is empty.

        Raises:
            DataError: one is.
        """
        missing = self.table.isna()
        for column in self.table.columns[missing.any()]:
            raise DataError(
                f"{self.path}: column {column!r} is empty in {int(missing[column].sum()):,} of "
                f"{len(self):,} rows; expected a value in each"
            )

    def inputs(self, problem: Problem) -> Float[Tensor, "rows features"]:
        """As the learner knows them.

        Raises:
            DataError: one is of another magnitude than all that was trained on.
        """
        features: list[np.ndarray] = []
        for (column, values), category, offset, scale in self._inputs(problem):
            if category is not None:
                features.append((values == plain(category)).astype(float))
            else:
                features.append(self._standard(column, values, offset, scale))
        return torch.from_numpy(np.stack(features, 1).astype(np.float32))

    def targets(self, problem: Problem) -> Float[Tensor, "rows outputs"]:
        """Standardised."""
        told = [
            self._standard(own, self._numbers(own, name in problem.logs), offset, scale)
            for name, scale, offset in problem.columns
            for own in [problem.own_name(name)]
        ]
        return torch.from_numpy(np.stack(told, 1).astype(np.float32))

    def strange(self, problem: Problem) -> Iterator[tuple[str, str]]:
        """Columns with categories that the learner was not trained on, and a word on each."""
        columns: dict[str, set[str]] = {}
        for (column, _), category, *_ in self._inputs(problem):
            if category is not None:
                columns.setdefault(column, set()).add(plain(category))
        for column, known in columns.items():
            cells = self.table[column]
            unknown = ~cells.isin(known).to_numpy(bool)
            odd = cells[unknown]
            if len(odd):
                like = f"{count(len(odd), 'row')} like it {'has' if len(odd) == 1 else 'have'} none"
                where = self.where(int(unknown.argmax()))
                said = (
                    f"{self.path}: column {column!r} holds {odd.iloc[0]!r} in {where}, a "
                    f"category that no training row had; {like}"
                )
                yield column, said

    def far(self, problem: Problem) -> Iterator[tuple[str, str]]:
        """Inputs with numbers far outside of what was trained on, and a word on each."""
        low, high = problem.input_low, problem.input_high
        for number, ((column, values), category, offset, scale) in enumerate(self._inputs(problem)):
            if category is not None:
                continue
            known = bool(low)
            least, most = (
                (low[number], high[number])
                if known
                else (offset - FAR_DEVIATIONS * scale, offset + FAR_DEVIATIONS * scale)
            )
            room = OUTSIDE * (most - least) if known else 0.0
            away = np.maximum(least - room - values, values - most - room)
            if not len(away) or away.max() <= 0:
                continue
            at, many = int(away.argmax()), int((away > 0).sum())
            if problem.inputs[number] in problem.logs:
                least, most, offset = 10.0**least, 10.0**most, 10.0**offset
            within = (
                f"all that was trained on, {least:g} to {most:g}"
                if known
                else f"{FAR_DEVIATIONS:g} standard deviations of the mean trained on, {offset:g}"
            )
            said = (
                f"{self.path}: column {column!r} holds {self.table[column].iloc[at]} in "
                f"{self.where(at)}, far outside of {within}; what is predicted "
                f"from such rows ({many:,} of {len(self):,}) is a guess"
            )
            yield column, said

    def _inputs(
        self, problem: Problem
    ) -> Iterator[tuple[tuple[str, np.ndarray], str | None, float, float]]:
        """Of each input the column, its numbers or names, its category, offset and scale."""
        for name, offset, scale in zip(
            problem.inputs, problem.input_offset, problem.input_scale, strict=True
        ):
            column, category, origin = source(problem.own_name(name), self.values)
            values = self._numbers(column, name in problem.logs)
            if origin is not None:
                values = origin.numbers(values)
            yield (column, values), category, offset, scale

    def _numbers(self, column: str, log: bool) -> np.ndarray:
        values = self.values[column]
        return logarithms(self.path, self.table[column], values) if log else values

    def _standard(self, column: str, values: np.ndarray, offset: float, scale: float) -> np.ndarray:
        return standardised(self.path, column, values, self.table.index.to_numpy(), offset, scale)


def odd_in(rows: Rows, problems: Sequence[Problem]) -> Iterator[str]:
    """Words on categories and numbers that no training had the like of, one a column."""
    for words in (Rows.strange, Rows.far):
        said = [dict(words(rows, it)) for it in problems]
        yield from (text for column, text in said[0].items() if all(column in it for it in said))


class Source(NamedTuple):
    """The column behind an input; of a 0/1 input its category, of dates what they count from."""

    column: str
    category: str | None = None
    origin: Origin | None = None


def source(name: str, columns: Collection[str]) -> Source:
    """What is behind an input, in a table with these columns."""
    if name in columns:
        return Source(name)
    if date := parted(name):
        return Source(date[0], origin=date[1])
    column, equals, category = name.partition("=")
    return Source(column, category) if equals else Source(name)


def columns_of(problem: Problem) -> list[str]:
    """The columns of the user's behind the inputs, each once."""
    own = map(problem.own_name, problem.inputs)
    return list(dict.fromkeys(source(name, ()).column for name in own))


def read_rows(
    path: str, checkpoint: Checkpoint, told: Sequence[str], sheet: str | None = None
) -> Rows:
    """All rows of a file, none of whose cells is checked yet but for what they are.

    The file may be written otherwise than what was trained on: in another form, say. Of cells that
    are empty the numbers are NaN, the moments NaT and the names None.

    Args:
        path: the file.
        checkpoint: says which columns are inputs, and which of the others hold names.
        told: the targets, if they are wanted.
        sheet: of an Excel file; that of the training data, if left out and there.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds something else in one.
    """
    try:
        return _read(path, checkpoint, told, sheet, checkpoint.form)
    except Misread as misread:
        if suffix_of(path) == ".xlsx" and sheet is None and len(names := sheets_of(path)) > 1:
            several = ", ".join(map(repr, names))
            raise DataError(f"{misread}; the file has the sheets {several}: name one") from None
        form = _as_it_seems(path, checkpoint.form)
        if form == checkpoint.form:
            raise
        try:
            return _read(path, checkpoint, told, sheet, form)
        except DataError as error:
            usual = checkpoint.form.delimiter or delimiter_of(path), checkpoint.form.encoding
            if (form.delimiter, form.encoding) != usual:
                raise error from None
        raise  # the form was as it should be


def _as_it_seems(path: str, form: Form) -> Form:
    try:
        seen = sniff(path)
    except UserError:
        return form
    missing = tuple(dict.fromkeys((*form.missing, *seen.missing)))
    return seen._replace(missing=missing)


def _read(
    path: str, checkpoint: Checkpoint, told: Sequence[str], sheet: str | None, form: Form
) -> Rows:
    problem = checkpoint.problem
    inputs = [problem.own_name(name) for name in problem.inputs]
    needed = {*inputs, *(name.partition("=")[0] for name in inputs), *told}
    found = read_sheet(path, needed, (), form, _sheet(path, checkpoint.sheet, sheet))
    known = {plain(name) for name in found.names}
    keys = [name for name in checkpoint.task if plain(name) in known]
    sources = [source(name, found.names) for name in inputs]
    dates = {it.column: it.origin for it in sources if it.origin is not None}
    names = {it.column for it in sources if it.category is not None}
    if problem.kind == "classification":
        names |= {*told}
    columns = list(dict.fromkeys([*(it.column for it in sources), *told]))
    table = choose(found, columns, {*columns} - {*dates, *names}, names, dates).table
    values: dict[str, np.ndarray] = {}
    for column in columns:
        cells, there = table[column].dropna(), table[column].notna().to_numpy()
        if column in names:
            values[column] = table[column].to_numpy(object)
        elif (origin := dates.get(column)) is not None:
            values[column] = np.full(len(table), np.datetime64("NaT"))
            moments = to_dates(path, cells, origin.order).values
            values[column] = values[column].astype(moments.dtype)
            values[column][there] = moments
        else:
            values[column] = np.full(len(table), np.nan)
            values[column][there] = to_numbers(path, cells)
    named = choose(found, keys, (), keys).table if keys else pd.DataFrame(index=table.index)
    return Rows(path, table, values, named, found.lines)


def _sheet(path: str, trained: str, asked: str | None) -> str:
    """That which is asked for; else that of the training data, if there or there are several."""
    if asked is not None:
        return asked
    if not trained or suffix_of(path) != ".xlsx":
        return ""
    names = sheets_of(path)
    return "" if len(names) == 1 and trained not in names else trained
