"""A forecast of a matrix in its folder: what `reml plan` and `reml.plan` show."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.disk.shapes import read_matrix
from benchmarks.harness.outlook.costs import Cost
from benchmarks.harness.outlook.forecast import Forecast, finder, forecast, lines
from benchmarks.harness.outlook.former import former_of
from benchmarks.harness.outlook.lots import lots_of
from benchmarks.harness.outlook.sizes import sizes_of
from benchmarks.harness.outlook.speed import factor_here
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.registry import Registry

MANY_POINTS, MANY_SCORES = 10**8, 10**7


@dataclass(frozen=True)
class Plan:
    """What a matrix would take; as text, what `reml plan` prints."""

    forecast: Forecast
    directory: Path

    def text(self, jobs: int, price: float | None = None) -> str:
        """Of so many trials at a time; what it costs, if a machine for that has a price an hour."""
        return "\n".join(lines(self.forecast, jobs, price, str(self.directory)))


def plan(
    matrix: Matrix,
    registry: Registry,
    directory: Path | None = None,
    *,
    probe: float | None = None,
) -> Plan:
    """Count the trials of a matrix, hold them against what its folder has, and say what is left.

    Args:
        matrix: which.
        registry: where its learners and families are found.
        directory: its results folder, if it is not the usual one.
        probe: so many seconds are spent on each learner, to see how fast it is here; all of the
            matrix and its data is checked on the way.

    Raises:
        UserError: what is wrong with the matrix, or with the folder.
    """
    directory = Path("results") / matrix.name if directory is None else directory
    if _suspicious(matrix):
        from benchmarks.harness.plan.expand import arrange  # asks the data, which takes seconds

        arrange(matrix, registry)
    former = former_of(directory, matrix)
    folds = _folds(matrix, registry, directory)
    sizes = sizes_of(matrix, registry)
    lots = list(lots_of(matrix, registry, folds, sizes))
    probed: Mapping[str, Cost] | None = None
    if probe is not None:
        from benchmarks.harness.outlook.probing import probe_all  # torch takes seconds

        probed = probe_all(matrix, registry, lots, former, probe)
    find = finder(former, factor_here(), probed, sizes)
    return Plan(forecast(matrix, lots, former, find), directory)


def _suspicious(matrix: Matrix) -> bool:
    """Whether sizes are such that only the data can tell whether that much is meant."""
    return any(
        it.tasks * it.draws * (max(it.shots) + it.queries) > MANY_POINTS
        or it.tasks * it.draws * len(it.shots) * len(it.steps) > MANY_SCORES
        for it in matrix.protocols
    )


def _folds(matrix: Matrix, registry: Registry, directory: Path) -> dict[tuple[str, str], int]:
    """How many there are where each group is one: as a former run found, else as the data tell."""
    wanted = {
        (family.label, it.label)
        for it in matrix.protocols
        for family in matrix.families
        if isinstance(it.folds, str) and (it.families is None or family.label in it.families)
    }
    if not wanted:
        return {}
    found: dict[tuple[str, str], int] = {}
    if (directory / "matrix.json").exists():
        for row in read_matrix(directory)["trials"]:
            key = row["family"], row["protocol"]
            if key in wanted and isinstance(row.get("fold"), int):
                found[key] = max(found.get(key, 0), row["fold"] + 1)
    if wanted <= found.keys():
        return found
    from benchmarks.harness.plan.expand import arrange  # reads the data, which takes seconds

    for it in arrange(matrix, registry):
        fold = it.meeting.fold
        key = it.meeting.family.entry.label, it.meeting.protocol.label
        if fold is not None:
            found[key] = max(found.get(key, 0), fold + 1)
    return found
