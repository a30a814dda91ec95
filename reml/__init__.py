"""REML: a recurrent policy composes a network for a task out of a shared pool of layers.

`import reml` is the front door of the whole suite and costs next to nothing: names are imported
when they are used. `REML` is the learner.
"""

import contextlib
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.api import (
        MetaClassifier,
        MetaRegressor,
        Results,
        catalogue,
        check,
        compare,
        differences,
        doctor,
        help,
        init,
        load,
        merge,
        new,
        plan,
        predict,
        publish,
        regroup,
        reproduce,
        run,
        status,
        tune,
    )
    from reml.learner import REML

_API = "benchmarks.api"
_NAMES = (
    *("MetaClassifier", "MetaRegressor", "Results", "compare", "load", "run"),
    *("catalogue", "check", "differences", "doctor", "help", "init", "new"),
    *("plan", "merge", "predict", "publish", "regroup", "reproduce", "status", "tune"),
)
_HOMES = {"REML": "reml.learner", **dict.fromkeys(_NAMES, _API)}
_SIBLINGS = ("benchmarks", "baselines")

__all__ = [
    "REML",
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
        raise AttributeError(f"module 'reml' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def _claim(name: str) -> None:
    """Import the package beside this one, whatever of that name lies where Python looks first.

    Who keeps benchmarks of their own in a folder `benchmarks` would otherwise get that folder.
    """
    own = Path(__file__).resolve().parent.parent / name / "__init__.py"
    there = sys.modules.get(name)
    if there is not None and there.__file__ is not None and Path(there.__file__).resolve() == own:
        return
    if there is not None:
        raise ImportError(
            f"a package {name!r} of another project is imported already ({there}); "
            "import reml before it, or rename it"
        )
    spec = importlib.util.spec_from_file_location(
        name, own, submodule_search_locations=[str(own.parent)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


for _name in _SIBLINGS:
    _claim(_name)

# stable-baselines3 imports gym where it finds it (learn2learn needs it), and gym then advertises
# gymnasium on every start.
with contextlib.suppress(ImportError):
    from gym_notices import notices

    notices.notices.clear()
