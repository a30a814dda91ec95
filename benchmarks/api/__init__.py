"""The suite from Python: what `import reml` hands on, and what the command line does.

Names are imported when they are first asked for: a run needs none of what the estimators do.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.api.asking import (
        catalogue,
        check,
        differences,
        doctor,
        help,
        merge,
        plan,
        predict,
        publish,
        regroup,
        reproduce,
        status,
    )
    from benchmarks.api.comparing import compare
    from benchmarks.api.estimation.estimators import MetaClassifier, MetaRegressor
    from benchmarks.api.fitted import Adapted, FittedLearner
    from benchmarks.api.front import load, run, tune
    from benchmarks.api.results import Results
    from benchmarks.api.starting import init, new

_HOMES = {
    **dict.fromkeys(("catalogue", "check", "differences", "doctor", "help", "plan"), "asking"),
    **dict.fromkeys(("merge", "predict", "publish", "regroup", "reproduce", "status"), "asking"),
    **dict.fromkeys(("init", "new"), "starting"),
    "Adapted": "fitted",
    "FittedLearner": "fitted",
    "MetaClassifier": "estimation.estimators",
    "MetaRegressor": "estimation.estimators",
    "Results": "results",
    "compare": "comparing",
    "load": "front",
    "run": "front",
    "tune": "front",
}

__all__ = [
    "Adapted",
    "FittedLearner",
    "MetaClassifier",
    "MetaRegressor",
    "Results",
    "catalogue",
    "check",
    "compare",
    "differences",
    "doctor",
    "help",
    "init",
    "load",
    "merge",
    "new",
    "plan",
    "predict",
    "publish",
    "regroup",
    "reproduce",
    "run",
    "status",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
