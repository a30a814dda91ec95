"""The table of how sure the learners are, and with what right."""

from collections.abc import Iterator

from benchmarks.harness.disk.columns import PREDICTIVE
from benchmarks.report.scores.chosen import CHOSEN
from benchmarks.report.scores.metrics import unit_of
from benchmarks.report.scores.stops import heading
from benchmarks.report.scores.wording import ALIKE
from benchmarks.report.tables.catalogue import Place
from benchmarks.report.tables.entries import scored
from benchmarks.report.tables.layout import Entry, Sheet

PLACE = 25
TITLES = {"nll": "NLL", "crps": "CRPS", "coverage_90": "in the 90 %", "width_90": "their width"}
BEST = frozenset({"nll", "crps"})
"""Where less is better; of the share that should be 0.9 neither is, and of a width alone."""
SPREADS = {"own": "its own", "residual": "of its errors"}


def sheets(at: Place) -> Iterator[Sheet]:
    """Predictive distributions where verdicts are; nothing where no learner has one."""
    comparison, group = at.comparison, at.group
    if not set(PREDICTIVE) <= set(group.metrics):
        return
    stop = group.decisive("nll")
    where = "at the chosen step" if stop == CHOSEN else f"after {heading(stop)}"
    unit = unit_of("rmse", comparison.problem)
    yield Sheet(
        f"How sure predictions are, {where}: the mean negative log likelihood and continuous "
        "ranked probability score of Gaussians (lower is better), the share of targets in their "
        f"central 90 % (0.90 is right), and how wide those are{f' in {unit}' if unit else ''}. The "
        "spread is the learner's own, or that of its errors on validation tasks.",
        ("learner", *(TITLES[it] for it in PREDICTIVE), "spread"),
        tuple(
            (
                Entry(entrant.name),
                *(
                    it if metric in BEST else _unranked(it)
                    for metric in PREDICTIVE
                    for it in [scored(entrant, group, stop, metric)]
                ),
                Entry(SPREADS.get(entrant.spread, "–")),
            )
            for entrant in comparison.entrants
        ),
        (0, 1 + len(PREDICTIVE)),
    )


def remarks(at: Place) -> Iterator[str]:
    yield from ()


def _unranked(entry: Entry) -> Entry:
    return entry._replace(bold=False, detail=entry.detail.removeprefix(ALIKE).strip())
