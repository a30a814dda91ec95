"""What a trial is to be given where it runs: the table `[engine]`, or engine.toml beside it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import AfterValidator, AllowInfNan, BaseModel, ConfigDict, StringConstraints

from benchmarks.core.errors import MatrixError, UnknownName
from benchmarks.harness.plan.fields import parse
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.matrix_file import bundled, read_toml
from benchmarks.units import bytes_in, seconds_in

FILE = "engine.toml"


def _word(text: str) -> str:
    """Raises ValueError for what would be another option of a command."""
    if re.fullmatch(r"[^\s-]\S*", text) is None:
        raise ValueError("expected a word that does not begin with '-'")
    return text


Word = Annotated[str, StringConstraints(max_length=200), AfterValidator(_word)]
Size = Annotated[float | str, AfterValidator(bytes_in)]
Time = Annotated[float | str, AfterValidator(seconds_in)]
Plain = str | bool | int | float


class Resources(BaseModel):
    """What each trial is given.

    Attributes:
        processors: that a trial may have; it computes on one thread, so more are for its loading
            of data, say.
        memory: that is set aside for a trial: "4GB". Nothing is ended by it; see `[limits]`.
        gpus: 0, a whole number, or (Ray) a share of one, as 0.25 for four trials on each.
        time: after which SLURM ends a trial: "2h".
        partition: of SLURM.
        account: of SLURM.
        extra: what else there is: options of `sbatch` (`{ qos = "long" }`), Ray's own resources
            (`{ fast_disk = 1 }`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    processors: Annotated[int, Ge(1), Le(1024)] = 1
    memory: Size | None = None
    gpus: Annotated[float, Ge(0), Le(64), AllowInfNan(False)] = 0
    time: Time | None = None
    partition: Word | None = None
    account: Word | None = None
    extra: dict[Word, Plain] = {}


class Table(Resources):
    """The keys of `[engine]`: what each trial is given, and these.

    Attributes:
        name: "local", "ray", "ray://HOST:PORT" or "slurm"; `--engine` wins.
        queue: most jobs that are in SLURM's queue at a time.
        bundle: trials that one job of SLURM runs, one after the other; short ones should share one.
        checkpoints: a path that all machines of Ray see, or a URL that fsspec knows, as
            "s3://bucket/mine", where trainings under way are kept should a machine be lost.
        learner: by a learner's label, or by the name of all that have no table of their own, what
            their trials are given instead: `[engine.learner.maml]`.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][\w:/.\[\]-]*$", max_length=300)] = ""
    queue: Annotated[int, Ge(1), Le(100_000)] = 200
    bundle: Annotated[int, Ge(1), Le(10_000)] = 1
    checkpoints: Annotated[str, StringConstraints(max_length=1000)] = ""
    learner: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Settings:
    """The table, checked; `source` is where it was found, "" where nowhere."""

    table: Table = field(default_factory=Table)
    own: Mapping[str, Resources] = field(default_factory=dict)
    source: str = ""

    def of(self, learner: str) -> Resources:
        """What the trials of a learner of this label are given."""
        return self.own.get(learner, self.table)


def settings_for(matrix: Matrix) -> Settings:
    """What the matrix says, or the file engine.toml beside it (here, if the matrix is bundled).

    Raises:
        MatrixError: both do, or a key or a label is unknown or wrong.
    """
    here = matrix.path in bundled().values()
    path = Path(FILE) if here else matrix.path.parent / FILE
    there = path.is_file()
    if matrix.engine is not None:
        if there:
            raise MatrixError(f"{matrix.path}: has a table [engine], and there is {path}, too")
        return settings_of(matrix.engine, f"{matrix.path}: [engine]", _labels(matrix))
    if not there:
        return Settings()
    data = read_toml(path)
    if "engine" in data and (others := sorted(data.keys() - {"engine"})):
        raise MatrixError(f"{path}: key {others[0]!r} is outside the table [engine]")
    return settings_of(data.get("engine", data), str(path), _labels(matrix))


def settings_of(data: Mapping[str, Any], where: str, labels: Mapping[str, str]) -> Settings:
    """What a table says; `labels` are those of the learners, with their names.

    Raises:
        MatrixError: a key or a label is unknown, or a value wrong.
    """
    if not isinstance(data, Mapping):
        raise MatrixError(f"{where}: expected a table")
    table = parse(Table, data, where)
    given = {}
    known = {*labels, *labels.values()}
    for label, keys in table.learner.items():
        if label not in known:
            raise UnknownName("learner", label, known, where)
        parse(Resources, keys, f"{where}: learner {label!r}")
        common = {key: it for key, it in data.items() if key in Resources.model_fields}
        given[label] = parse(Resources, {**common, **keys}, where)
    own = {label: given.get(label, given.get(name, table)) for label, name in labels.items()}
    return Settings(table, own, where)


def _labels(matrix: Matrix) -> dict[str, str]:
    return {it.label: it.name for it in matrix.learners}


def whole_gpus(resources: Resources, where: str) -> int:
    """As a whole number.

    Raises:
        MatrixError: it is none.
    """
    if resources.gpus != math.floor(resources.gpus):
        raise MatrixError(
            f"{where}: key 'gpus': expected a whole number where the engine is slurm, got "
            f"{resources.gpus:g}"
        )
    return int(resources.gpus)
