"""What engines there are, by name; none of them is imported."""

from benchmarks.core.errors import UnknownName
from benchmarks.installed import entry_points

GROUP = "reml.engines"
"""Entry points: functions that are called as `choosing.Make` and return an `Engine`."""
LOCAL, RAY, SLURM = "local", "ray", "slurm"
NEEDS = {LOCAL: "", RAY: "ray", SLURM: "submitit"}
"""The engines that come with this package, and what has to be installed."""


def kind_of(name: str, where: str = "--engine") -> str:
    """The engine that a name stands for, as `--engine` takes it: without an address.

    `where` the name was given is said where there is none.

    Raises:
        UnknownName: there is none.
    """
    kind = name.partition("://")[0]
    others = {it.name for it in entry_points(group=GROUP)}
    if kind not in {*NEEDS, *others} or ("://" in name and kind in (LOCAL, SLURM)):
        raise UnknownName("engine", name, {*NEEDS, *others}, where)
    return kind
