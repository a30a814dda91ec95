"""What would change an answer: how many more seeds or groups, by the shares of a variance."""

from benchmarks.report.scores.wording import listing, plural
from benchmarks.report.statistics import FEW_GROUPS, Estimate, Grounds

MOST = 50
"""Times as many seeds or groups as there are, beyond which nobody would go."""
FEW_SEEDS = 2


def remedy(difference: Estimate, pair: str, group: str) -> str:
    """How much more it would take to tell two learners apart, were their difference to stay.

    Args:
        difference: theirs, not told from 0.
        pair: who they are, in words.
        group: what a group of test tasks is called; `test task` where tasks are independent.
    """
    _, *seeds = difference.parts
    variance = difference.variance
    if not variance or not difference.value:
        return f"{pair} do not differ at all on these tasks: more of anything would change nothing"
    share = sum(it.variance for it in seeds) / variance
    n, g = difference.grounds
    of_seeds = share > 0.5
    of, to = (share, "training") if of_seeds else (1 - share, group)
    whence = f"{100 * of:.0f} % of the variance of {pair}'s difference is from {to} to {to}"
    more = _enough(difference, seeds=of_seeds, groups=not of_seeds)
    if more is not None:
        wanted = plural(more[0], "seed") if of_seeds else plural(more[1], group)
        return f"{whence}: about {wanted} instead of {n if of_seeds else g:,} {_would()}"
    both = _enough(difference, seeds=True, groups=True)
    if both is None:
        return (
            f"{whence}; the difference is so small that {MOST} times as many seeds and "
            f"{plural(2, group).removeprefix('2 ')} would hardly tell them apart"
        )
    wanted = listing([plural(both[0], "seed"), plural(both[1], group)])
    return f"{whence}: about {wanted} instead of {n:,} and {g:,} {_would()}"


def grounds_wanted(grounds: Grounds, group: str) -> str:
    """What it takes for there to be a verdict at all."""
    wanted = []
    if grounds.seeds < FEW_SEEDS:
        wanted.append("a second seed at least (with one, nothing tells how much training varies)")
    if (missing := FEW_GROUPS - grounds.groups) > 0:
        wanted.append(f"{missing} more {plural(missing, group).partition(' ')[2]} in the test")
    return f"a verdict takes {listing(wanted)}"


def _would() -> str:
    return "would tell them apart, if it stays as it is"


def _enough(difference: Estimate, *, seeds: bool, groups: bool) -> tuple[int, int] | None:
    """The fewest seeds and groups whose interval would exclude 0; None where `MOST` times do not.

    Variances of means fall as 1 / n, degrees of freedom rise as n − 1.
    """
    n, g = difference.grounds
    for times in _times(max(n * seeds, g * groups)):
        more, wider = (
            max(n, round(n * times)) if seeds else n,
            max(g, round(g * times)) if groups else g,
        )
        if difference.reach_with(more / n, wider / g) < abs(difference.value):
            return more, wider
    return None


def _times(number: int) -> list[float]:
    """Factors from just more than 1 to `MOST`, finely where that makes a difference."""
    factors = [(number + more) / number for more in range(1, 4 * number + 1)] if number < 25 else []
    start = factors[-1] if factors else 1.0
    while start < MOST:
        start *= 1.05
        factors.append(start)
    return factors
