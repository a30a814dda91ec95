"""The table of seconds and memory."""

from collections.abc import Iterator

from benchmarks.harness.store.results import Results
from benchmarks.report.scores.cells import COSTS
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import number
from benchmarks.report.tables.layout import Entry, Section, Sheet, marked

PLACE = 70


def sections(results: Results) -> Iterator[Section]:
    """Seconds and memory: they differ from run to run, so no other table has them."""
    yield Section(
        "Time and memory",
        tuple(
            Sheet(
                f"{comparison.title}: one trial, the median over seeds.",
                (
                    "learner",
                    "seconds to meta-train",
                    "of one processor",
                    "seconds to evaluate",
                    "peak memory in MB",
                ),
                tuple(
                    (
                        Entry(entrant.name),
                        *(
                            marked(Entry(number(entrant.spending[cost])), entrant.seeds)
                            if cost in entrant.spending
                            else Entry("–")
                            for cost in COSTS
                        ),
                    )
                    for entrant in comparison.entrants
                ),
            )
            for comparison in summarise(results)
        ),
    )
