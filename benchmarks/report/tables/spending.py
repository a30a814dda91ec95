"""What the learners of a comparison spent, and whose spending does not match that of the others."""

from collections.abc import Iterator, Mapping
from typing import Literal

import pandas as pd

from benchmarks.harness.store.results import Results
from benchmarks.report.scores.budget_matching import matching_remarks, unmatched
from benchmarks.report.scores.cells import ADAPTED, COSTS, SPENDING, Comparison, Entrant
from benchmarks.report.scores.roles import SEARCH, searched
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import DAGGER_NOTE, UNMATCHED, UNMATCHED_NOTE, number, origin
from benchmarks.report.tables.forms import latex, markdown
from benchmarks.report.tables.layout import Entry, Section, Sheet, marked
from benchmarks.report.tables.scores import impossible

PLACE = 40
SPENDING_TITLES = {
    "tasks": "training tasks",
    "points": "labelled points",
    "inner_gradients": "inner gradients",
    "outer_gradients": "outer gradients",
    "environment_steps": "environment steps",
    "parameters": "parameters",
}
SEARCH_TITLES = dict(zip(SEARCH, ("tasks of the search", "its seconds"), strict=True))
QUANTITIES = (*SPENDING, ADAPTED, *COSTS)
COST_TITLES = {
    "seconds": "seconds to meta-train",
    "cpu_seconds": "of one processor",
    "evaluate_seconds": "seconds to evaluate",
    "peak_memory_mb": "peak memory in MB",
}
CAPTION = (
    "What one trial spent, the median over seeds: training tasks and labelled points drawn, "
    "gradients of one task's loss in inner and outer steps, steps in an environment, parameters "
    "(all the numbers learned, and those that adaptation may change for one task), time, memory. "
    "– is not recorded."
)


def of_comparison(results: Results, comparison: Comparison) -> Iterator[Section]:
    yield Section(
        f"{comparison.title}: spending",
        (_spending_sheet(comparison),),
        (*matching_remarks(comparison), *troubles(comparison)),
    )


def troubles(comparison: Comparison) -> Iterator[str]:
    """Every trial that is not there, with its reason."""
    yield from impossible(comparison)
    for entrant in comparison.entrants:
        for trouble in entrant.troubles:
            yield f"⚠ {entrant.name}, {trouble}"


def _spending_sheet(comparison: Comparison) -> Sheet:
    titles, apart = dict(SPENDING_TITLES), unmatched(comparison)
    if any(ADAPTED in entrant.spending for entrant in comparison.entrants):
        titles[ADAPTED] = "of them adapted"
    searching = [it for it in comparison.entrants if searched(it.spending)]
    titles |= SEARCH_TITLES if searching else {}
    return Sheet(
        "What one trial spent on meta-training, the median over seeds. A gradient of one task's "
        "loss counts as one; parameters are all the numbers that the learner has learned."
        + (" The search for settings was made once, before, for all seeds." if searching else ""),
        ("learner", *titles.values()),
        tuple(
            (
                Entry(f"{entrant.name} {UNMATCHED}" if entrant.label in apart else entrant.name),
                *(
                    marked(Entry(f"{entrant.spending[name]:,.0f}"), entrant.seeds)
                    if name in entrant.spending
                    else Entry("–")
                    for name in titles
                ),
            )
            for entrant in comparison.entrants
        ),
    )


def make_spending(results: Results) -> pd.DataFrame:
    """One row a family × protocol × learner, learners in matrix order; medians over seeds.

    `matched` is False for learners that drew other numbers of tasks or points than most, see
    `unmatched`, and empty for those that drew none.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite.
    """
    rows = [
        {
            "family": comparison.family,
            "protocol": comparison.protocol,
            "learner": entrant.label,
            "privileged": entrant.privileged,
            "matched": _matched(entrant, apart),
            **{name: entrant.spending.get(name) for name in (*QUANTITIES, *searching)},
        }
        for searching in [() if results.tuning.empty else SEARCH]
        for comparison in summarise(results)
        for apart in [unmatched(comparison)]
        for entrant in comparison.entrants
    ]
    return pd.DataFrame(rows)


def render_spending(results: Results, fmt: Literal["md", "csv", "latex"]) -> str:
    """The table as text: `md` and `latex` for people, `csv` with all digits.

    Raises:
        StoreError: as `make_spending`.
    """
    if fmt == "csv":
        return make_spending(results).to_csv(index=False, float_format="%.12g", lineterminator="\n")
    comparisons = summarise(results)
    parts = tuple(_section(comparison) for comparison in comparisons)
    notes = [DAGGER_NOTE] if any(it.privileged for c in comparisons for it in c.entrants) else []
    if any(unmatched(comparison) for comparison in comparisons):
        notes.append(UNMATCHED_NOTE)
    where, guide = origin(results.name, results.provenance), " ".join(notes)
    if fmt == "md":
        return markdown.render(f"Spending in {results.name}", where, guide, parts)
    return latex.render(where, guide, parts)


def _matched(entrant: Entrant, apart: frozenset[str]) -> bool | None:
    return None if not entrant.spending.get("tasks") else entrant.label not in apart


def _section(comparison: Comparison) -> Section:
    apart = unmatched(comparison)
    titles = [*SPENDING_TITLES.values(), "parameters adapted", *COST_TITLES.values()]
    searching = any(searched(it.spending) for it in comparison.entrants)
    titles += SEARCH_TITLES.values() if searching else []
    rows = tuple(
        (
            Entry(f"{entrant.name} {UNMATCHED}" if entrant.label in apart else entrant.name),
            *(
                Entry(_text(entrant.spending, name))
                for name in (*QUANTITIES, *(SEARCH if searching else ()))
            ),
        )
        for entrant in comparison.entrants
    )
    return Section(
        comparison.title,
        (Sheet(CAPTION, ("learner", *titles), rows),),
        tuple(matching_remarks(comparison)),
    )


def _text(spending: Mapping[str, float], name: str) -> str:
    if name not in spending:
        return "–"
    seconds = name in COSTS or name == SEARCH[1]
    return number(spending[name]) if seconds else f"{spending[name]:,.0f}"
