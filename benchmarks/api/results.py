"""The results of a matrix, as Python has them."""

import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmarks.api.fitted import FittedLearner
from benchmarks.api.frames import as_files, as_given, own_names
from benchmarks.api.predicting import Place, Rows, Who, predictions, trained
from benchmarks.core.errors import StoreError
from benchmarks.core.text import count
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store import results as store
from benchmarks.harness.store.lock import locked
from benchmarks.harness.store.printable import clean
from benchmarks.harness.store.results import keep_consolidated, load_results

if TYPE_CHECKING:
    from benchmarks.report.figures.one import Panels


class Results:
    """What a results folder holds: tables, figures, trained learners.

    Made by `reml.run`, `reml.compare` and `reml.load`. It is read once; `reml.load` again shows
    what has come since.

    Attributes:
        directory: the folder.
    """

    def __init__(self, directory: Path, registry: Registry) -> None:
        """Read a folder.

        Raises:
            StoreError: it holds no results, or what concerns all trials is damaged.
        """
        self.directory = directory
        self._registry = registry
        self._stored = load_results(directory)
        self._results = clean(self._stored)

    @property
    def name(self) -> str:
        """What the matrix is called."""
        return self._results.name

    @property
    def learners(self) -> tuple[str, ...]:
        """The labels of all contenders, in the order of the matrix."""
        return self._results.order

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial: family, protocol, learner, seed, status, reason, and what it spent."""
        return self._results.trials

    @property
    def scores(self) -> pd.DataFrame:
        """One row a test task, metric, shots and steps of each trial that is done: `value`."""
        return self._results.scores

    @property
    def history(self) -> pd.DataFrame:
        """The training curves: one row a metric that a learner logged."""
        return self._results.history

    @property
    def tuning(self) -> pd.DataFrame:
        """All settings that were tried: `settings`, `state`, `loss` on validation tasks, `chosen`.

        `losses` are those after tenths of the budget, `importance` what each field of the chosen
        ones explains; both are JSON, as `settings` are.
        """
        return self._results.tuning

    def table(self) -> pd.DataFrame:
        """Means and interquartile means with their intervals, as table.csv has them.

        Raises:
            StoreError: no trial is done, or the scores of one are incomplete.
        """
        from benchmarks.report.tables.write import make_table

        return make_table(self._scored())

    def pairs(self, against: str | None = None) -> pd.DataFrame:
        """Every learner beside one: the paired difference with its interval, as in pairs.csv.

        Args:
            against: whom the others are compared with; as in the report, if left out.

        Raises:
            StoreError: no trial is done.
            UnknownName: there is no such learner.
        """
        from benchmarks.report.scores.pairs import check_known
        from benchmarks.report.scores.summary import summarise
        from benchmarks.report.tables.pairs import make_pairs

        comparisons = summarise(self._scored())
        check_known(comparisons, against)
        return make_pairs(comparisons, against)

    def figures(self) -> list[str]:
        """The names that `plot` takes.

        Raises:
            StoreError: no trial is done.
        """
        from benchmarks.report.figures.catalogue import pictures

        return [it.stem for it in pictures(self._scored())]

    def plot(
        self,
        name: str,
        learners: Sequence[str] | None = None,
        *,
        style: str | None = None,
        size: str | tuple[float, float] | None = None,
    ) -> "Panels":
        """Draw a figure of the report; the axes, to be changed at will, and their `figure`.

        Args:
            name: as `figures()` has it: "error-against-steps", say.
            learners: the labels of those to show; all, if left out.
            style: "report", "paper" (small text) or "slides" (large).
            size: width and height in inches, (3.3, 2.5) or "3.3x2.5"; its own, if left out.

        Raises:
            StoreError: no trial is done.
            UnknownName: there is no such figure, learner or style.
            UserError: that is no size, or too small a one, or there is nothing to show.
        """
        from benchmarks.report.figures.one import Panels, draw_one

        where = str(self.directory)
        drawing = draw_one(self._scored(), name, learners, style=style, size=size, where=where)
        for sentence in drawing.cautions:
            warnings.warn(sentence, stacklevel=2)
        return Panels(drawing)

    def report(self) -> Path:
        """Write report.html, tables and figures into the folder; the path of the first.

        Raises:
            StoreError: no trial is done, or the folder cannot be written.
        """
        from benchmarks.report.documents.whole import write_whole

        results = self._scored()
        with locked(self.directory, "report"):
            keep_consolidated(self._stored, self.directory)
            return write_whole(results, self.directory, lambda said: None)

    def verdict(self) -> str:
        """Which learner to use, by how much, at what cost and how, and what would change that.

        Raises:
            StoreError: no trial is done.
        """
        from benchmarks.report.findings.answer import answer

        return str(answer(self._scored(), self.directory))

    def learner(
        self, label: str | None = None, seed: int | None = None, *, family: str | None = None
    ) -> FittedLearner:
        """A trained learner, to be used on new tasks; what several trainings predict is averaged.

        Args:
            label: which, by its label in the table; the one that the verdict would use for the
                fewest shots, if left out.
            seed: the only one of its trainings to use; all, if left out.
            family: what it was trained on, where the matrix has several families.

        Raises:
            UnknownName: there is no such learner, seed or family.
            StoreError: its training is not there: it failed, or was not published.
        """
        who = Who(label, seed, family)
        _, checkpoints, *_ = trained(self._place(label is None), who)
        return FittedLearner(*checkpoints)

    def predict(
        self,
        support: Any,
        query: Any = None,
        *,
        learner: str | None = None,
        seed: int | None = None,
        family: str | None = None,
        steps: int | None = None,
    ) -> pd.DataFrame:
        """Adapt to each task of a table, and predict its other rows, as `reml predict` does.

        Args:
            support: rows to adapt on, a DataFrame or a file: the columns that name tasks, if there
                are several, inputs and target.
            query: rows to predict; those of `support` that have no target, if left out.
            learner: its label; the one that the verdict would use, if left out.
            seed: the only one of its trainings to use; all, if left out.
            family: what it was trained on, where the matrix has several families.
            steps: adaptation steps; those that validation chose, if left out.

        Returns:
            The rows to predict, with the columns that `benchmarks.harness.predict.new_task`
            names. Of a DataFrame, index, inputs and names of tasks are as they were.

        Raises:
            UserError: as `learner`; or the rows cannot be used.
        """
        who = Who(learner, seed, family)
        with as_files(support=support, query=query) as paths:
            rows = Rows(paths["support"], paths.get("query"))
            found = predictions(self._place(learner is None), who, rows, steps)
        for word in found.warnings:
            warnings.warn(own_names(word, paths), stacklevel=2)
        return as_given(found.table, found.given, support if query is None else query)

    def _place(self, ranked: bool) -> Place:
        results = self._scored() if ranked else self._stored
        return Place(results, self.directory, self._registry)

    def _scored(self) -> store.Results:
        if self._results.scores.empty:
            raise StoreError(
                f"{self.directory}: no trial is done; `reml status {self.directory}` says more"
            )
        return self._results

    @cached_property
    def _states(self) -> dict[str, int]:
        return {str(it): int(n) for it, n in self.trials["status"].value_counts().items()}

    def __repr__(self) -> str:
        states = ", ".join(f"{n} {it}" for it, n in self._states.items())
        return f"<Results of {self.name}: {count(len(self.trials), 'trial')} ({states})>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict, and the table after the most steps."""
        return "\n".join(self._html())

    def _html(self) -> Iterator[str]:
        yield f"<p><b>{escape(self.name)}</b>: {escape(repr(self)[1:-1])}</p>"
        if self._results.scores.empty:
            return
        for sentence in self.verdict().split("\n"):
            yield f"<p>{escape(sentence)}</p>"
        table = self.table()
        steps = pd.to_numeric(table["steps"], errors="coerce")  # some are "chosen"
        yield table[steps == steps.max()].to_html(index=False)
