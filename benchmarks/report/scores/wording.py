"""How numbers, metrics, learners and the origin of results are written, the same everywhere."""

import hashlib
import math
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchmarks.core.declaration import filled
from benchmarks.harness.evaluation.taming import FAR
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.markup import code
from benchmarks.report.scores.metrics import higher_is_better, of_accuracies
from benchmarks.report.statistics import FEW_GROUPS, Grounds, Interval

DAGGER_NOTE = (
    "† privileged: sees or knows what the other learners may not (the true parameters of a task or "
    "the form of the family, say), and is left out of the comparison."
)

DOUBLE_DAGGER_NOTE = (
    "‡ transductive: predicts the query points of a task together, so that one prediction may "
    "depend on the other points; it is compared with the rest all the same."
)

LONGEST_NAME = 80
"""Letters of a file name made from labels; file systems take about three times as many."""

DIVERGED_NOTE = (
    f"Diverged: a score that is not finite, or more than {FAR:,.0f} times what a constant guess "
    "costs; it counts as just so much, and as 0 in accuracy."
)
ALIKE = "≈"
ONE_SEED = "§"
ONE_SEED_NOTE = (
    "§ of these weights: from one seed, so that the interval shows how much the score depends on "
    "the {}, and nothing of how much it would differ after training again. There is no p and no "
    "verdict."
)
"""What stands in the place of {} is what the scores are of."""
LOST_SEEDS_NOTE = (
    "§ of these weights: {} {} one seed left of several, so that the interval shows how much the "
    "score depends on the {} alone. Who misses trials is not ranked."
)
FEW_SEEDS = 5
"""Below this many seeds it is said why intervals are wide."""
UNMATCHED = "≠"
UNMATCHED_NOTE = (
    "≠ unequal budget: drew more or fewer training tasks or labelled points than most of the "
    "learners that meta-train."
)

WITH_VALUE = ("--jobs", "--out", "--only")


def number(value: float, like: float | None = None) -> str:
    """Three significant digits or so, with as many decimals as `like` (or itself) would get."""
    if value and not 1e-4 <= abs(value) < 1e5:
        return f"{value:.2e}".replace("-", "−")
    like = value if like is None else like
    magnitude = math.floor(math.log10(abs(like))) if like else 0
    decimals = min(5, max(0, 2 - magnitude if magnitude >= 0 else 1 - magnitude))
    return f"{value:.{decimals}f}".replace("-", "−")


def score(value: float, metric: str, like: float | None = None) -> str:
    """A score or a difference of scores: as `number`, but accuracy in percent, to a tenth."""
    if not of_accuracies(metric):
        return number(value, like)
    decimals = 1 if abs(value if like is None else like) >= 0.01 else 2
    return f"{round(100 * value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


def bounds(interval: Interval, metric: str) -> str:
    """Both ends with the decimals of the value, or with their own where those would say 0.

    Empty where there can be no interval.
    """
    if not interval.known:
        return ""
    ends = []
    for end in (interval.low, interval.high):
        text = score(end, metric, interval.value)
        ends.append(score(end, metric) if end and not text.strip("−0.") else text)
    return f"[{', '.join(ends)}]"


def with_diverged(detail: str, diverged: int) -> str:
    """The detail of a cell, and how many of its scores diverged."""
    return f"{detail} ({diverged:,} diverged)".strip() if diverged else detail


def with_interval(interval: Interval, metric: str) -> str:
    return f"{score(interval.value, metric)} {bounds(interval, metric)}".strip()


def tentative(interval: str, seeds: int) -> str:
    """The same, marked where it is of one training alone."""
    return f"{interval} {ONE_SEED}" if seeds == 1 and interval else interval


def meaning(comparison: Comparison) -> str:
    """What was trained and tested, where that is not one family; else empty."""
    if not comparison.other:
        return ""
    families = {"first": comparison.family, "second": comparison.other}
    return filled(comparison.metrics.declared.told, families)


def said(text: str, comparison: Comparison, **more: object) -> str:
    """A text that a protocol declares, its words filled in; see `core.declaration`."""
    metric = comparison.metric
    words = {
        "own": comparison.metrics.called(metric),
        "name": metric if of_accuracies(metric) else metric.upper(),
        "direction": direction(metric),
        "first": comparison.family,
        "second": comparison.other,
        "meaning": meaning(comparison),
    }
    return filled(text, {**words, **more}).strip()


def direction(metric: str) -> str:
    return "higher is better" if higher_is_better(metric) else "lower is better"


CONSONANT_Y = re.compile(r"[b-df-hj-np-tv-xz]y$")


def plural(n: int, thing: str) -> str:
    if n == 1:
        return f"{n:,} {thing}"
    head, of, rest = thing.partition(" of ")
    if CONSONANT_Y.search(head):  # columns may be called country or city
        return f"{n:,} {head[:-1]}ies{of}{rest}"
    return f"{n:,} {head}{'es' if head.endswith('s') else 's'}{of}{rest}"


def tasks_of(comparison: Comparison, n_tasks: int, n_groups: int) -> str:
    """`600 of 9 stations`; `600` where the tasks are independent draws."""
    if n_groups == n_tasks and not comparison.grouped_by:
        return f"{n_tasks:,}"
    return f"{n_tasks:,} of {plural(n_groups, comparison.grouped_by or 'group')}"


def drawn_from(comparison: Comparison, group: Group) -> str:
    """`600 test tasks of 9 stations`; empty where the tasks are independent draws."""
    tasks, groups = group.tasks(comparison.metric), group.grounds(comparison.metric).groups
    if groups == tasks and not comparison.grouped_by:
        return ""
    named = plural(groups, comparison.grouped_by or "group")
    return f"{plural(tasks, f'{comparison.split} task')} of {named}"


def hindrance(comparison: Comparison, group: Group, metric: str) -> str:
    """Why nothing can be told apart; empty where it can."""
    grounds, tasks = group.grounds(metric), group.tasks(metric)
    if not tasks or grounds.verdict:
        return ""
    return " and ".join(_hindrances(comparison, grounds, tasks))


def _hindrances(comparison: Comparison, grounds: Grounds, tasks: int) -> Iterator[str]:
    if grounds.groups < FEW_GROUPS:
        alone = grounds.groups == tasks and not comparison.grouped_by
        what = "task" if alone else comparison.grouped_by or "group"
        few = plural(grounds.groups, f"{comparison.split} {what}")
        if grounds.groups == 1:
            yield f"{few}: too few for an interval or a verdict (it takes {FEW_GROUPS})"
        else:
            yield f"{few}: too few for a verdict (it takes {FEW_GROUPS})"
    if grounds.seeds == 1:
        yield "one seed: no verdict on the learners, only on these weights"


def setting(comparison: Comparison, shots: int) -> str:
    """`5 shots`, or in classification, where shots are for each class, `5-way 1-shot`."""
    ways = comparison.ways
    return plural(shots, "shot") if ways is None else f"{ways}-way {shots}-shot"


def listing(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def slug(text: str) -> str:
    """A file name from a label: lower case, digits and dashes, no longer than file systems allow.

    What is cut, or has letters beyond ASCII, gets a digest: labels that differ have other names.
    """
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(name) <= LONGEST_NAME and text.isascii():
        return name or "unnamed"
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{name[:LONGEST_NAME]}-{digest}".strip("-")


def tasks_scored(comparisons: Iterable[Comparison]) -> str:
    """`test tasks`, `validation tasks` or both: what the scores are of."""
    return f"{listing(sorted({it.split for it in comparisons}))} tasks"


def seeds_warning(comparisons: tuple[Comparison, ...]) -> str:
    """What the number of seeds does to the intervals; empty where it does little."""
    there = [it for c in comparisons for it in c.entrants if it.done]
    few = min((it.done for it in there if it.done > 1), default=FEW_SEEDS)
    lost = [it for it in there if it.done == 1 and not it.complete]
    said = []
    if any(it.done == 1 and it.complete for it in there):
        said.append(ONE_SEED_NOTE.format(tasks_scored(comparisons)))
    elif lost:
        names = listing(dict.fromkeys(it.name for it in lost))
        has = "has" if len({it.name for it in lost}) == 1 else "have"
        said.append(LOST_SEEDS_NOTE.format(names, has, tasks_scored(comparisons)))
    if few < FEW_SEEDS:
        said.append(
            f"Intervals allow for there being {few} seeds (Student's t): where training varies "
            "much, few seeds make them wide, and more would narrow them."
        )
    return " ".join(said)


def origin(name: str, provenance: Mapping[str, Any]) -> str:
    """Which matrix, commit and command made the numbers."""
    commits = provenance.get("commits") or [provenance.get("commit")]
    known = [f"`{commit[:7]}`" for commit in commits if commit and commit != "none"]
    at = f"{'commit' if len(known) == 1 else 'commits'} {listing(known)}" if known else "no commit"
    if provenance.get("dirty"):
        at += " + uncommitted changes"
    command = essential(str(provenance.get("command") or ""))
    return f"Matrix `{name}`, {at}" + (f", made by {code(command)}." if command else ".")


def essential(command: str) -> str:
    """The command that makes the whole table, without what only changes where and how it ran."""
    try:
        arguments = iter(shlex.split(command))
    except ValueError:  # no shell could read it either
        return command
    kept = []
    for argument in arguments:
        option, equals, _ = argument.partition("=")
        if option in WITH_VALUE and not equals:
            next(arguments, None)
        elif option not in (*WITH_VALUE, "--force"):
            kept.append(argument)
    return shlex.join(kept)
