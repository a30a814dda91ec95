"""Which columns stored tables have, and what is written in them."""

SCORE_TYPES = {
    "shots": "int32",
    "steps": "int32",
    "task": "int32",
    "draw": "int32",
    "group": "str",
    "metric": "str",
    "value": "float64",
    "diverged": "bool",
}
CURVE_TYPES = {
    "shots": "int64",
    "steps": "int64",
    "task": "int64",
    "kind": "str",
    "x": "float64",
    "y": "float64",
    "output": "int64",
}

CONFUSION_TYPES = {
    "shots": "int64",
    "steps": "int64",
    "true": "str",
    "predicted": "str",
    "count": "int64",
    "queries": "int64",
}

DIAGNOSTIC_TYPES = {
    "shots": "int64",
    "steps": "int64",
    "task": "int64",
    "kind": "str",
    "name": "str",
    "value": "float64",
    "options": "int64",
}

EPISODE_TYPES = {
    "shots": "int64",
    "steps": "int64",
    "task": "int64",
    "kind": "str",
    "point": "int64",
    "label": "int64",
    "predicted": "int64",
    "name": "str",
    "picture": "object",
}

HISTORY_TYPES = {"tasks": "int64", "seconds": "float64", "metric": "str", "value": "float64"}

TASK_TYPES = {"shots": "int64", "task": "int64", "name": "str", "group": "str"}
PLACE = {"family": "str", "protocol": "str"}
"""What the test tasks depend on, besides the shots; whoever is tested meets the same."""

REFERENCE_TYPES = {
    **{"metric": "str", "of": "str", "how": "str"},
    **PLACE,
    **{"seed": "int64", "shots": "int64", "steps": "int64", "task": "int64", "draw": "int64"},
    "value": "float64",
}
"""What scores that are left out of published copies are held against; see `store.copies`."""
REFERENCES = "references.parquet"

TUNING_TYPES = {
    "study": "str",
    "family": "str",
    "protocol": "str",
    "fold": "int64",
    "learner": "str",
    "number": "int64",
    "state": "str",
    "loss": "float64",
    "chosen": "bool",
    "seconds": "float64",
    "validation_seconds": "float64",
    "tasks": "int64",
    "settings": "str",
    "losses": "str",
    "importance": "str",
    "reason": "str",
}
"""All settings that were tried, one row each; see `harness.tuning.outcomes`."""
TUNING = "tuning.parquet"
SEARCH = "tuning"
"""The folder beside it with Optuna's journal, and the trials of the search."""

TABLES = {
    "scores": SCORE_TYPES,
    "history": HISTORY_TYPES,
    "curves": CURVE_TYPES,
    "diagnostics": DIAGNOSTIC_TYPES,
    "confusion": CONFUSION_TYPES,
    "episodes": EPISODE_TYPES,
}
OPTIONAL = frozenset({"confusion", "episodes", "tasks"})
"""Tables of which no file is written where they have no rows."""
COVERAGE = "coverage_90"
PREDICTIVE = ("nll", "crps", COVERAGE, "width_90")
"""The metrics that say how sure a learner was, and with what right."""
VALIDATION = "validation"
"""The metric that says in the training curve how a state did on validation tasks."""
TYPICAL = "validation of the median task"
"""The metric that says how the median one of those did, where that of all is the mean."""
SUPPORT_MSE = "support_mse"
SUPPORT_ACCURACY = "support_accuracy"
NO_STEPS = -1
"""What the column `steps` says where the number of adaptation steps plays no part."""
ALL_TASKS = -1
"""What the column `task` says of a mean over all of them, as published copies have it."""
DRAWN_STEPS = 6
"""After so many numbers of steps fitted curves are drawn."""
