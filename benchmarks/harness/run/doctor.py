"""What this installation has, what it lacks, how to get that, and how fast this machine trains."""

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version

import torch

from benchmarks.core import Budget, BudgetedSource, generator_of
from benchmarks.core.errors import UserError
from benchmarks.harness.outlook.speed import keep_speed
from benchmarks.harness.plan.matrix import Entry
from benchmarks.harness.plan.registry import Kind, Registry
from benchmarks.harness.plan.resolved import make_family, make_learner

PACKAGES = {
    **dict.fromkeys(("torch", "numpy", "pandas", "pyarrow", "scipy"), "pip install reml-bench"),
    **dict.fromkeys(("matplotlib", "seaborn", "scikit-learn"), "pip install reml-bench"),
    "stable-baselines3": "pip install stable-baselines3 sb3-contrib",
    "sb3-contrib": "pip install stable-baselines3 sb3-contrib",
    "statsmodels": "needed by mixed: pip install statsmodels",
    "scikit-image": "needed by features: pip install scikit-image",
    "learn2learn": "needed by maml, meta_sgd and anil; see below",
}
"""What is looked for, and how one gets it."""
PROBES = ("mean", "gp-prior", "cnp", "maml", "reml")
PROBE_SECONDS = 1.5


def examine(seconds: float = PROBE_SECONDS) -> str:
    """All there is to say, as a text of some thirty lines; trains for `seconds` a learner.

    How fast that is is kept for `reml plan`.
    """
    registry, rates = Registry(), dict[str, float]()
    lines = [_speed(registry, name, seconds, rates) for name in PROBES]
    keep_speed(rates)
    return "\n".join(
        [
            *_machine(),
            "",
            "Packages",
            *(_package(name, how) for name, how in PACKAGES.items()),
            "",
            *_unusable(registry),
            "",
            "How fast this machine trains, on one thread (sinusoids)",
            *lines,
        ]
    )


def _machine() -> list[str]:
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else "none that torch can use"
    data = os.environ.get("REML_DATA")
    return [
        f"reml-bench {_version('reml-bench') or 'is not installed (run from a folder)'}, "
        f"Python {platform.python_version()}, {platform.platform()}",
        f"GPU: {cuda}",
        f"REML_DATA, where files that matrices name are looked for, too: {data or 'not set'}",
    ]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _package(name: str, how: str) -> str:
    found = _version(name)
    return f"  {name:18} {found}" if found else f"  {name:18} missing: {how}"


def _unusable(registry: Registry) -> list[str]:
    """Learners and families that cannot be used here, each with the reason and what to type."""
    lines = []
    kinds: tuple[Kind, ...] = ("learner", "family")
    for kind in kinds:
        for name in registry.names(kind):
            try:
                registry.find(kind, name)
            except UserError as error:
                lines.append(f"  {kind} {name}: {error}")
    return ["Cannot be used here", *lines] if lines else ["All learners and families can be used."]


def _speed(registry: Registry, name: str, seconds: float, rates: dict[str, float]) -> str:
    """How fast a learner trains, which also goes to `rates`: tasks a second."""
    family = make_family(Entry("sinusoid", "sinusoid", {}), registry)
    try:
        learner = make_learner(Entry(name, name, {}), registry)
    except UserError:
        return f"  {name:10} cannot be used here"
    source = BudgetedSource(family, Budget(seconds=seconds), generator_of("doctor"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    started = time.perf_counter()
    try:
        learner.fit(source, generator_of("doctor", name))
    finally:
        torch.set_num_threads(threads)
    if not source.tasks:
        slow = getattr(learner, "effort", 1.0) > 0
        return f"  {name:10} {'is too slow here to be timed' if slow else 'needs no training'}"
    rate = rates[name] = source.tasks / (time.perf_counter() - started)
    return f"  {name:10} {rate:10,.0f} tasks a second; 100,000 tasks take {100_000 / rate:,.0f} s"
