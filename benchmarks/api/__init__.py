"""The suite from Python: what `import reml` hands on, and what the command line does."""

from benchmarks.api.comparing import compare
from benchmarks.api.estimators import MetaClassifier, MetaRegressor
from benchmarks.api.fitted import Adapted, FittedLearner
from benchmarks.api.front import load, run
from benchmarks.api.results import Results

__all__ = [
    "Adapted",
    "FittedLearner",
    "MetaClassifier",
    "MetaRegressor",
    "Results",
    "compare",
    "load",
    "run",
]
