"""What a protocol declares of the numbers it gives: the reports know it by nothing else.

Texts may have words to be filled in:

| word | what stands there |
|---|---|
| `$own` | the problem's own metric, with its target and unit; `$name` without them |
| `$direction` | which way that one is better |
| `$first`, `$second` | the family that is trained on first, and the other one |
| `$steps` | "5 adaptation steps": after how many the numbers are; `$last` is the number, `$beyond` one more |
| `$meaning` | what was trained and tested, in a sentence |
| `$band` | "with its 95 % interval", in captions of figures |
"""  # noqa: E501

from collections.abc import Mapping
from string import Template
from typing import Annotated, Literal

from annotated_types import MinLen
from pydantic import BaseModel, ConfigDict, StringConstraints

from benchmarks.core.kinds import Kind

USUAL = "few_shot"
"""The protocol that goes without saying."""
ACCURACY = "accuracy_"

Name = Annotated[str, StringConstraints(pattern=r"\A[a-z][a-z0-9_]{0,59}\z")]
Stem = Annotated[str, StringConstraints(pattern=r"\A[a-z][a-z0-9-]{0,59}\z")]
Unit = Literal["score", "difference", "log10 ratio", "steps"]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(_Said):
    """A number that is told of each task, beside the problem's own metric.

    Attributes:
        name: what the column of scores calls it; of accuracies `accuracy_` goes before, unless it
            counts steps.
        meaning: what it is, in half a sentence.
        called: what tables and axes call it.
        of_accuracies: the same in classification, where that is not enough.
        unit: a score like the problem's own; a difference of two such; the logarithm of a ratio of
            them (of accuracies, a difference); or adaptation steps.
        better: which way, of errors; of accuracies higher is better in all of them.
        elsewhere: whether its tasks are of the other family though the scores are of the first.
    """

    name: Name
    meaning: str
    called: str
    of_accuracies: str = ""
    unit: Unit
    better: Literal["lower", "higher"] = "lower"
    elsewhere: bool = False


class Column(_Said):
    """A column of a table: a metric (the problem's own where there is no name), and its head."""

    metric: str = ""
    title: str


class Table(_Said):
    """A table of means, a row for each learner.

    Attributes:
        caption: what stands above it.
        of_accuracies: the same in classification, where it reads otherwise.
        columns: of what.
        at: after how many steps: the most; or one table for each of 0, 1 and the most; or one
            column for each number of steps there is.
    """

    caption: str
    of_accuracies: str = ""
    columns: Annotated[tuple[Column, ...], MinLen(1)]
    at: Literal["the most", "few", "each"] = "the most"


class Plane(_Said):
    """A figure of one metric against another, a cross for each learner, with lines at 0.

    Attributes:
        stem: the name of the file.
        title: what stands above it.
        caption: what it shows.
        x: the metric from left to right.
        y: the metric from bottom to top.
    """

    stem: Stem
    title: str
    caption: str
    x: str
    y: str


class Across(_Said):
    """A figure of one metric by the family that was tested on, where there are several.

    Attributes:
        stem, title, caption: as of `Plane`.
        of_accuracies: the caption in classification.
        metric: what is drawn, with a line at 0.
    """

    stem: Stem
    title: str
    caption: str
    of_accuracies: str
    metric: str


class Finding(_Said):
    """What is said of the learners whose mean is beyond 0, by the interval.

    Attributes:
        metric: a difference or the logarithm of a ratio.
        better: of those whose interval is on the good side of 0.
        worse: of those on the bad side.
        open: of those whose interval has 0 in it.
    """

    metric: str
    better: str
    worse: str
    open: str


class Declaration(_Said):
    """All that a report has to know of a protocol.

    Attributes:
        metrics: what comes out beside the scores, in the order of tables.
        told: what was trained and tested, in a sentence, where there is another family.
        scores: whether there is a table of the scores themselves.
        of_scores: what is said of the problem's own metric where a finding names it.
        tables, figures, findings: what is shown.
        ranked: the metrics, beside the problem's own, of which it is told who is best.
    """

    metrics: tuple[Metric, ...] = ()
    told: str = "Trained on $first, tested on $second."
    scores: bool = True
    of_scores: str = ""
    tables: tuple[Table, ...] = ()
    planes: tuple[Plane, ...] = ()
    across: tuple[Across, ...] = ()
    findings: tuple[Finding, ...] = ()
    ranked: tuple[str, ...] = ()

    def metric(self, stored: str) -> Metric | None:
        """That which scores call so; None of what is none of the protocol's."""
        for it in self.metrics:
            if stored in {it.name, _of_accuracies(it)}:
                return it
        return None

    def stored(self, name: str, kind: Kind) -> str:
        """What scores call a metric that is declared by this name, in this kind of problem."""
        for it in self.metrics:
            if it.name == name:
                return _of_accuracies(it) if kind == "classification" else name
        raise KeyError(name)


def _of_accuracies(metric: Metric) -> str:
    return metric.name if metric.unit == "steps" else f"{ACCURACY}{metric.name}"


def filled(text: str, words: Mapping[str, object]) -> str:
    """A text with its words filled in; what is none of them is left as it is."""
    return Template(text).safe_substitute(words)
