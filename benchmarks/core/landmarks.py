"""Which of many numbers of adaptation steps are shown."""

import math
from collections.abc import Sequence

LANDMARKS = 8
"""So many steps stand in tables, and have their predictions kept; scores are of every step."""

ALL_UP_TO = 30


def landmarks(steps: Sequence[int]) -> tuple[int, ...]:
    """At most `LANDMARKS` of them: both ends, and between them round or evenly spaced ones."""
    if len(steps) <= LANDMARKS:
        return tuple(steps)
    first, *between, last = steps
    rounds = [step for step in between if str(step).rstrip("0") in ("1", "2", "5")]
    if not LANDMARKS - 4 <= len(rounds) <= LANDMARKS - 2:
        places = [i * len(between) // (LANDMARKS - 1) for i in range(1, LANDMARKS - 1)]
        rounds = [between[place] for place in places]
    return (first, *rounds, last)


def summarised(steps: Sequence[int]) -> tuple[int, ...]:
    """Those that get intervals: all, or of more than `ALL_UP_TO` some 30 with the landmarks."""
    if len(steps) <= ALL_UP_TO:
        return tuple(steps)
    every = math.ceil(len(steps) / 25)
    return tuple(sorted({*landmarks(steps), *steps[::every]}))


def spread_out(steps: Sequence[int], most: int) -> list[int]:
    """At most so many of them, the first and the last included."""
    if len(steps) <= most:
        return list(steps)
    return [steps[round(i * (len(steps) - 1) / (most - 1))] for i in range(most)]
