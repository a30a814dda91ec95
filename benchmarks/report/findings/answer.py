"""The answer: which learner to use, by how much, at what cost, how, and what would change it.

No sentence is stronger than the intervals. Where a verdict tells several from none of each other,
the cheapest of those that are not told apart from the best, and near it, is recommended.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness.store.results import Results
from benchmarks.report.findings.advice import Advice, advise
from benchmarks.report.findings.cautions import cautions
from benchmarks.report.findings.putting_to_use import Usage, usage
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import listing

ADVICE, COST, SHELL, PYTHON = "", "Cost", "On new data", "In Python"
CHANGE, WARNING, MORE = "What would change it", "Warning", "Besides"
IN_THE_FOLDER = ", from within this folder"
"""What is said of code whose paths are relative to the results."""
MOST = {ADVICE: 5, COST: 1, SHELL: 1, PYTHON: 1, CHANGE: 1, WARNING: 2, MORE: 1}
"""Lines of each kind in the short form: twelve in all."""


class Said(NamedTuple):
    """One line: what it is about, what is said, and code to be copied."""

    about: str
    text: str = ""
    code: str = ""

    def __str__(self) -> str:
        return f"{self.about}{': ' if self.about else ''}{self.text}{self.code}"


@dataclass(frozen=True)
class Answer:
    """What comes of a comparison.

    Attributes:
        advice: what to use, for each family, protocol and number of shots; merged where it is the
            same.
        lines: all that is to be said, most important first.
        warnings: what may be wrong with it.
    """

    advice: tuple[Advice, ...]
    lines: tuple[Said, ...]
    warnings: tuple[str, ...]

    @property
    def short(self) -> tuple[Said, ...]:
        """Of each kind the first few."""
        counts = Counter[str]()
        kept = []
        for line in self.lines:
            counts[line.about] += 1
            if counts[line.about] <= MOST[line.about]:
                kept.append(line)
        if len(kept) == len(self.lines):
            return self.lines
        more = len(self.lines) - len(kept)
        return (
            *kept,
            Said(MORE, f"{more:,} more {'line' if more == 1 else 'lines'} in the report"),
        )

    def __str__(self) -> str:
        return "\n".join(map(str, self.short))


def answer(results: Results, directory: Path | None = None, called: Path | None = None) -> Answer:
    """What to use.

    Args:
        results: of which trials.
        directory: the folder they are in, where there is one: without trained learners in it
            nothing is said of how to use them.
        called: what the folder is called in commands, if otherwise.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite.
    """
    comparisons = summarise(results)
    advice = tuple(it for comparison in comparisons for it in advise(comparison))
    warnings = tuple(cautions(results, comparisons))
    uses = [usage(results, it, directory, called or directory or Path()) for it in advice]
    lines = (*_lines(advice, uses), *(Said(WARNING, it) for it in warnings))
    return Answer(advice, lines, warnings)


def _lines(advice: tuple[Advice, ...], uses: Sequence[Usage]) -> Iterator[Said]:
    for it in advice:
        yield Said(ADVICE, it.sentence)
    for cost in _once(it.cost for it in advice):
        yield Said(COST, cost)
    for shell in _once(it.shell for it in uses):
        yield Said(SHELL, code=shell)
    for python in _once(it.python for it in uses):
        yield Said(PYTHON, code=python)
    changes: dict[str, list[str]] = {}
    for change in (change for it in advice for change in it.changes):
        changes.setdefault(change.text, []).append(change.where)
    for text, where in changes.items():
        of_all = len(advice) == 1 and where == [advice[0].where]
        yield Said(CHANGE, text if of_all else f"{listing(where)}: {text}")


def _once(texts: Iterable[str]) -> Iterator[str]:
    yield from dict.fromkeys(filter(None, texts))
