"""Which engine a run is on, by its name."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from benchmarks.core.errors import MissingDependency, PluginError
from benchmarks.core.text import described
from benchmarks.harness.engines.names import GROUP, LOCAL, NEEDS, RAY, SLURM, kind_of
from benchmarks.harness.engines.settings import Settings
from benchmarks.harness.run.engine import Engine
from benchmarks.harness.run.local import LocalEngine
from benchmarks.installed import entry_points


@runtime_checkable
class Make(Protocol):
    """What an entry point of the group is."""

    def __call__(
        self, address: str, settings: Settings, directory: Path, modules: Sequence[str]
    ) -> Engine: ...


def demand_engine(name: str, where: str = "--engine") -> None:
    """See that there is an engine of this name, given `where`, before anything is read.

    Raises:
        UnknownName: there is none.
        MissingDependency: it needs a package that is not installed.
    """
    kind = kind_of(name, where)
    package = NEEDS.get(kind)
    if package and not _is_there(package):
        raise MissingDependency(
            f"--engine {kind}: {package} is not installed; type: pip install 'reml-bench[{kind}]'"
        )


def engine_of(
    name: str,
    settings: Settings,
    directory: Path,
    *,
    jobs: int,
    modules: Sequence[str],
    detach: bool = False,
) -> Engine:
    """The engine of this name, ready for jobs.

    Args:
        name: as `--engine` takes it; what follows `://` is an address.
        settings: what trials are given.
        directory: the results folder.
        jobs: trials at a time on this machine.
        modules: what the learners import.
        detach: leave as soon as all is submitted, where there is a queue; see `Left`.

    Raises:
        UserError: there is none of this name, or it cannot be used.
    """
    demand_engine(name)
    kind, address = kind_of(name), name if "://" in name else ""
    if kind == LOCAL:
        return LocalEngine(jobs, modules)
    if kind == RAY:
        from benchmarks.harness.engines.ray_engine import RayEngine

        return RayEngine(address, settings, modules)
    if kind == SLURM:
        from benchmarks.harness.engines.slurm_engine import SlurmEngine

        return SlurmEngine(settings, directory, modules, detach=detach)
    (point,) = (it for it in entry_points(group=GROUP) if it.name == kind)
    try:
        make = cast(Make, point.load())
    except Exception as error:
        raise PluginError(f"engine {kind!r}: does not import ({described(error)})") from error
    return make(address, settings, directory, modules)


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # somebody has put None in its place
        return False
