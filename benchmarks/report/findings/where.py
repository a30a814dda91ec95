"""A place where contenders met: what findings ask of it."""

from typing import NamedTuple

from benchmarks.report.scores.cells import Comparison, Entrant, Group, Ranking
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.scores.wording import tentative, with_interval
from benchmarks.report.statistics import Estimate, paired_difference


class Where(NamedTuple):
    """A number of shots of a comparison, and who met there."""

    comparison: Comparison
    group: Group
    ranking: Ranking

    @property
    def metric(self) -> str:
        return self.comparison.metric

    @property
    def steps(self) -> int:
        return self.group.decisive(self.metric)

    @property
    def entrants(self) -> dict[str, Entrant]:
        return {it.label: it for it in self.comparison.entrants}

    @property
    def ranked(self) -> list[str]:
        """Best mean first."""
        return [self.ranking.best, *self.ranking.behind]

    def name(self, label: str) -> str:
        return self.entrants[label].name

    def difference(self, one: str, other: str) -> Estimate:
        """How much worse the other is, above 0 where it is: paired, task by task."""
        ends = self.group.ends[one, self.metric].mean, self.group.ends[other, self.metric].mean
        return paired_difference(*(ends if higher_is_better(self.metric) else ends[::-1]))

    def told(self, difference: Estimate) -> bool:
        return difference.grounds.verdict and difference.interval.excludes_zero

    def interval(self, difference: Estimate) -> str:
        text = with_interval(difference.interval, self.metric)
        return tentative(text, difference.grounds.seeds)
