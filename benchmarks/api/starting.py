"""`reml.init` and `reml.new`: the first files."""

import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.core.errors import MatrixError, UnknownName, UserError, nearest
from benchmarks.core.text import clock, count, line
from benchmarks.harness.outlook.planning import plan as planned
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.matrix_file import bundled
from benchmarks.harness.plan.registry import Registry
from benchmarks.start.draft import demand_new, write_matrix
from benchmarks.start.parts import Wanted
from benchmarks.start.pictures import album
from benchmarks.start.tables import survey
from benchmarks.start.templates import copied, write_sample

PROCESSORS = 2
KINDS = ("learner", "family", "protocol")
Columns = str | Sequence[str]


def init(
    data: str | Path,
    out: str | Path = "matrix.toml",
    *,
    task: Columns = (),
    x: Columns = (),
    y: Columns = (),
    split_by: str = "",
    unit: str = "",
    say: Callable[[str], object] = print,
) -> Path:
    """Look at data, guess what its columns are for, and write a matrix that suits them.

    Args:
        data: a table, a folder of pictures, or the name of a bundled matrix to copy.
        out: where the matrix goes; nothing is overwritten.
        task: columns that together name a task; like the next three guessed if left out.
        x: columns that are inputs.
        y: the target, or several.
        split_by: the column whose values are the groups held out whole.
        unit: the target's, for tables.
        say: is told, line by line, what is seen.

    Returns:
        The path of the matrix.

    Raises:
        UserError: the data cannot be used as they are, or the file is there or cannot be written.
    """
    out, path = Path(out), Path(data)
    there = _is_there(path)
    if not there:
        _demand_bundled(str(data))
    demand_new(out)
    if not there:
        copied(str(data), out)
        say(f"{out} is a copy of the matrix {data}. Next:\n  reml run {shlex.quote(str(out))}")
        return out
    wanted = Wanted(_names(task), _names(x), _names(y), split_by)
    found = album(path) if path.is_dir() else survey(path, wanted, unit)
    say("\n".join(found.said()))
    if picture := found.picture():
        say(f"\n{picture}\n")
    trials = write_matrix(out, found.matrix(out), path)
    for it in found.contenders:
        if it.missing:
            say(f"{it.name} is left out: {it.why_missing}")
    say(f"{out} compares learners in {count(trials, 'trial')}{_time(out)}.")
    say(f"Next:\n  reml run {shlex.quote(str(out))}")
    return out


def new(kind: str, name: str) -> list[Path]:
    """Write a working learner, family or protocol here, and its test.

    Returns:
        The paths of what is written, the test last.

    Raises:
        UserError: there is no such kind, the name is no name or taken, or a file is there already.
    """
    if kind not in KINDS:
        raise UnknownName("kind", kind, KINDS)
    return write_sample(kind, name)


def _time(out: Path) -> str:
    """What `reml plan` says of a new folder, in short; nothing where it says what is wrong."""
    registry = Registry()
    with TemporaryDirectory() as nothing, suppress(UserError):
        found = planned(load_matrix(str(out), registry), registry, Path(nothing)).forecast
        about = clock(found.wall_seconds(PROCESSORS))
        return f", about {about} on two processors, to within a factor of two or three"
    return ""


def _names(columns: Columns) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _demand_bundled(name: str) -> None:
    if name not in bundled():
        raise MatrixError(
            f"{line(name, 200)}: is no file, no folder and no template; "
            f"{nearest(name[:100], bundled())}"
        )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, say
        return False
