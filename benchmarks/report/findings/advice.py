"""What to use in one comparison, in sentences that its intervals allow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from benchmarks.report.findings.remedies import grounds_wanted, remedy
from benchmarks.report.findings.where import Where
from benchmarks.report.scores.cells import Comparison, Entrant, Group
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.scores.roles import SEARCH, searched
from benchmarks.report.scores.simple import expense, is_contender, is_simple
from benchmarks.report.scores.stops import after
from benchmarks.report.scores.wording import (
    hindrance,
    listing,
    number,
    plural,
    score,
    setting,
    tentative,
    with_interval,
)


class Change(NamedTuple):
    """What would change the answer at these numbers of shots, which `where` says in words."""

    text: str
    shots: tuple[int, ...]
    where: str


@dataclass(frozen=True)
class Advice:
    """What to use at one or more numbers of shots.

    Attributes:
        family: what was trained on.
        protocol: how.
        where: both and the shots, in words.
        shots: how many.
        steps: after how many; see `Group.decisive`.
        use: the label of the learner; empty where none can be ranked.
        alike: the labels of those that are not told apart from the best, itself among them.
        told: whether there is a verdict.
        hopeless: whether no contender is ahead of the simple learners, in a sentence; or empty.
        recommendation: what to use, in a sentence.
        margins: by setting, its mean and by how much it is better than the next and than the best
            of the simple ones, with intervals.
        cost: what it costs.
        changes: what would change the answer.
    """

    family: str
    protocol: str
    where: str
    shots: tuple[int, ...]
    steps: int
    use: str
    alike: tuple[str, ...]
    told: bool
    hopeless: str
    recommendation: str
    margins: Mapping[str, str]
    cost: str
    changes: tuple[Change, ...]

    @property
    def sentence(self) -> str:
        """All but cost and changes in a line; a verdict on all contenders comes first."""
        on = f"{self.hopeless} on" if self.hopeless else "On"
        return f"{on} {self.where}: {self.recommendation}. {self._margins}".rstrip()

    @property
    def _margins(self) -> str:
        """Each with its shots, where there are several."""
        several = len(self.margins) > 1
        said = [f"{shots}: {it}" if several else it for shots, it in self.margins.items()]
        return f"{'; '.join(said)}." if said else ""


def advise(comparison: Comparison) -> list[Advice]:
    """For every number of shots; those that say the same, but for their numbers, are one."""
    merged: list[Advice] = []
    for group in comparison.groups:
        it = _advice(comparison, group)
        if merged and _same(merged[-1], it):
            merged[-1] = _joined(comparison, merged[-1], it)
        else:
            merged.append(it)
    return [_with_more_shots(comparison, it) for it in merged]


def _same(one: Advice, other: Advice) -> bool:
    first, second = (
        (it.use, set(it.alike), it.told, it.recommendation, it.hopeless, it.steps)
        for it in (one, other)
    )
    return first == second


def _joined(comparison: Comparison, one: Advice, other: Advice) -> Advice:
    shots = (*one.shots, *other.shots)
    return replace(
        one,
        where=_where(comparison, shots, one.steps),
        shots=shots,
        margins={**one.margins, **other.margins},
        changes=_joined_changes(comparison, one, other),
    )


def _joined_changes(comparison: Comparison, one: Advice, other: Advice) -> tuple[Change, ...]:
    """Each once, with all the shots it is about."""
    shots: dict[str, tuple[int, ...]] = {}
    for it in (*one.changes, *other.changes):
        shots[it.text] = (*shots.get(it.text, ()), *it.shots)
    return tuple(Change(it, at, _where(comparison, at, one.steps)) for it, at in shots.items())


def _where(comparison: Comparison, shots: tuple[int, ...], steps: int) -> str:
    if comparison.ways is None:
        numbers = f"{listing(map(str, shots))} shot{'' if shots == (1,) else 's'}"
        return f"{comparison.title} with {numbers}, {after(steps)}"
    ways = listing(setting(comparison, it) for it in shots)
    return f"{comparison.title}, {ways}, {after(steps)}"


def _advice(comparison: Comparison, group: Group) -> Advice:
    metric = comparison.metric
    steps = group.decisive(metric)
    where = _where(comparison, (group.shots,), steps)
    nothing = Advice(
        family=comparison.family,
        protocol=comparison.protocol,
        where=where,
        shots=(group.shots,),
        steps=steps,
        use="",
        alike=(),
        told=False,
        hopeless="",
        recommendation="no learner can be ranked",
        margins={},
        cost="",
        changes=(),
    )
    ranking = group.rankings.get((steps, metric, "mean"))
    if ranking is None:
        return nothing
    here = Where(comparison, group, ranking)
    missing = hindrance(comparison, group, metric)
    alike = (ranking.best, *(it for it in ranking.behind if it in ranking.alike))
    near = [label for label in alike if _is_near(here, label)]
    use = min(near, key=lambda label: expense(here.entrants[label]))
    return replace(
        nothing,
        use=use,
        alike=alike,
        told=not missing,
        hopeless=_hopeless(here),
        recommendation=_recommendation(here, use, alike, near, missing),
        margins={setting(comparison, group.shots): _margins(here, use)},
        cost=_cost(here.entrants[use], plural(group.tasks(metric), f"{comparison.split} task")),
        changes=tuple(Change(it, (group.shots,), where) for it in _changes(here, alike, missing)),
    )


def _hopeless(here: Where) -> str:
    """That no contender is ahead of all simple learners; empty where one is, or there is none."""
    ranked = here.ranked
    contenders = [it for it in ranked if is_contender(here.entrants[it])]
    simple = [it for it in ranked if is_simple(here.entrants[it])]
    if not contenders or not simple or ranked.index(simple[0]) > ranked.index(contenders[0]):
        return ""
    every, floor = "every contender", here.name(simple[0])
    if len(contenders) == 1:
        every = f"the only contender, {here.name(contenders[0])},"
    apart = [here.told(here.difference(simple[0], it)) for it in contenders]
    if all(apart):
        return f"{every[0].upper()}{every[1:]} is worse than {floor}"
    sure = f" ({sum(apart)} of {len(apart)} are told apart as worse)" if any(apart) else ""
    return f"No contender has a better mean than {floor}{sure}"


def _is_near(here: Where, label: str) -> bool:
    """Whether its mean lies in the interval of the best one: a wide interval earns no advice."""
    cells = here.group.cells
    best = cells[here.ranking.best, here.steps, here.metric].mean
    value = cells[label, here.steps, here.metric].mean.value
    return label == here.ranking.best or best.low <= value <= best.high


def _recommendation(
    here: Where, use: str, alike: tuple[str, ...], near: list[str], missing: str
) -> str:
    best = here.name(here.ranking.best)
    if not here.ranking.behind:
        return f"there is only {best} to be ranked"
    if missing:
        return f"nothing can be told apart ({missing}); {best} has the best mean here"
    if len(alike) == 1:
        return f"use {here.entrants[here.ranking.best].settled}"
    names = listing(here.name(it) for it in here.ranked if it in alike)
    if len(alike) == len(here.ranked):
        names = f"{names}, which is all there are,"
    which = "" if len(near) == len(alike) else " whose mean is near the best"
    return f"{names} are not told apart: take the cheapest{which}, {here.entrants[use].settled}"


def _margins(here: Where, use: str) -> str:
    """The mean, and how far others are behind: the nearest, and the best of the simple ones."""
    metric, comparison = here.metric, here.comparison
    cell = here.group.cells[use, here.steps, metric]
    name = comparison.metrics.called(metric)
    said = f"{name[0].upper()}{name[1:]} {tentative(with_interval(cell.mean, metric), cell.seeds)}"
    others = [it for it in here.ranked if it != use]
    if not others:
        return said
    beside = {others[0]: "the next" if use == here.ranking.best else "the best mean"}
    simple = [it for it in others if is_simple(here.entrants[it])]
    if simple:
        beside.setdefault(
            simple[0], "the best of the simple ones" if simple[1:] else "the simple one"
        )
    return f"{said}, {listing(_beside(here, use, it, what) for it, what in beside.items())}"


def _beside(here: Where, use: str, other: str, what: str) -> str:
    difference = here.difference(use, other)
    worse = difference.value < 0
    if worse:
        difference = here.difference(other, use)
    way = "more" if worse != (higher_is_better(here.metric)) else "less"
    sure = "" if here.told(difference) or not difference.grounds.verdict else " (not told apart)"
    return f"{here.interval(difference)} {way} than {here.name(other)}, {what}{sure}"


def _cost(entrant: Entrant, tasks: str) -> str:
    spending = entrant.spending
    if "tasks" not in spending:
        return ""
    said = f"{entrant.name} needs no training tasks"
    if spending["tasks"]:
        said = f"{entrant.name} trains on {spending['tasks']:,.0f} tasks"
        if "seconds" in spending:
            said += f" in {number(spending['seconds'])} s"
    if "evaluate_seconds" in spending:
        said += (
            f"; adapting to {tasks} and scoring them takes {number(spending['evaluate_seconds'])} s"
        )
    said = f"{said} (the median over seeds)"
    if searched(spending):
        drawn, seconds = (spending[it] for it in SEARCH)
        said += f"; the search for its settings took {drawn:,.0f} tasks and {number(seconds)} s"
    return said


def _changes(here: Where, alike: tuple[str, ...], missing: str) -> Iterator[str]:
    ranking, comparison = here.ranking, here.comparison
    if not ranking.behind:
        return
    independent = here.group.grounds(here.metric).groups == here.group.tasks(here.metric)
    group = comparison.grouped_by or (f"{comparison.split} task" if independent else "group")
    if missing:
        yield grounds_wanted(ranking.grounds, group)
    elif len(alike) > 1:
        nearest = next(it for it in here.ranked[1:] if it in alike)
        pair = f"{here.name(ranking.best)} and {here.name(nearest)}"
        yield remedy(here.difference(ranking.best, nearest), pair, group)


def _with_more_shots(comparison: Comparison, advice: Advice) -> Advice:
    """Also says what the next number of shots would do for the learner."""
    metric = comparison.metric
    more = [it for it in comparison.groups if it.shots > advice.shots[-1]]
    here = next(it for it in comparison.groups if it.shots == advice.shots[-1])
    if not more or not advice.use or (advice.use, metric) not in more[0].ends:
        return advice
    if (advice.use, metric) not in here.ends:
        return advice
    before, after = (it.ends[advice.use, metric].mean.value for it in (here, more[0]))
    name = comparison.metrics.called(metric)
    said = (
        f"more shots: {name} of {advice.use} is {score(before, metric)} with "
        f"{setting(comparison, here.shots)} and {score(after, metric)} with "
        f"{setting(comparison, more[0].shots)}"
    )
    change = Change(said, advice.shots, advice.where)
    return replace(advice, changes=(*advice.changes, change))
