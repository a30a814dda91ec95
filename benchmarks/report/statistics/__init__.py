"""Statistics of seeds × tasks: averages, intervals, comparisons of pairs, and what is missing."""

from benchmarks.report.statistics.pairs import (
    POWER,
    holm,
    improvement,
    minimum_detectable,
    p_value,
    paired_difference,
    probabilities_of_improvement,
)
from benchmarks.report.statistics.profiles import Profile, performance_profiles
from benchmarks.report.statistics.resampling import bootstrap, bootstrap_means
from benchmarks.report.statistics.scores import (
    FEW_SEEDS,
    LEVEL,
    RESAMPLES,
    Coverage,
    Estimate,
    Interval,
    Scores,
    Summary,
    interquartile_mean,
    optimality_gap,
)

__all__ = [
    "FEW_SEEDS",
    "LEVEL",
    "POWER",
    "RESAMPLES",
    "Coverage",
    "Estimate",
    "Interval",
    "Profile",
    "Scores",
    "Summary",
    "bootstrap",
    "bootstrap_means",
    "holm",
    "improvement",
    "interquartile_mean",
    "minimum_detectable",
    "optimality_gap",
    "p_value",
    "paired_difference",
    "performance_profiles",
    "probabilities_of_improvement",
]
