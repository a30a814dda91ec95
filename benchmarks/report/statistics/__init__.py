"""Statistics of seeds × tasks: averages, intervals, comparisons of pairs, and what is missing."""

from benchmarks.report.statistics.estimate import (
    Estimate,
    Summary,
    estimate,
    paired_difference,
    summary,
    unpaired_difference,
)
from benchmarks.report.statistics.pairs import (
    POWER,
    holm,
    improvement,
    minimum_detectable,
    p_value,
    probability_of_improvement,
)
from benchmarks.report.statistics.profiles import Profile, performance_profile
from benchmarks.report.statistics.scores import (
    FEW_GROUPS,
    LEVEL,
    Coverage,
    Grounds,
    Interval,
    Scores,
    interquartile_mean,
    optimality_gap,
)
from benchmarks.report.statistics.together import intervals

__all__ = [
    "FEW_GROUPS",
    "LEVEL",
    "POWER",
    "Coverage",
    "Estimate",
    "Grounds",
    "Interval",
    "Profile",
    "Scores",
    "Summary",
    "estimate",
    "holm",
    "improvement",
    "interquartile_mean",
    "intervals",
    "minimum_detectable",
    "optimality_gap",
    "p_value",
    "paired_difference",
    "performance_profile",
    "probability_of_improvement",
    "summary",
    "unpaired_difference",
]
