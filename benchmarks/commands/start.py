"""`reml init` and `reml new`: the first files."""

import argparse
import shlex
from pathlib import Path

from benchmarks.core.errors import MatrixError, nearest
from benchmarks.core.text import count, line
from benchmarks.harness.plan.matrix_file import bundled
from benchmarks.start.draft import demand_new, write_matrix
from benchmarks.start.parts import Wanted
from benchmarks.start.pictures import album
from benchmarks.start.tables import Survey, survey
from benchmarks.start.templates import copied, listed, write_sample


def init(options: argparse.Namespace) -> int:
    if options.data is None:
        print(listed())
        return 0
    out: Path = options.out
    demand_new(out)
    path = Path(options.data)
    if not _is_there(path):
        return _copy(options.data, out)
    found = album(path) if path.is_dir() else _table(path, options)
    print(*found.said(), sep="\n")
    if picture := found.picture():
        print(f"\n{picture}\n")
    trials = write_matrix(out, found.matrix(out), path)
    time = count(found.minutes, "minute")
    print(f"{out} compares learners in {count(trials, 'trial')}, some {time} on two processors.")
    print(f"Next:\n  reml run {shlex.quote(str(out))}")
    return 0


def new(options: argparse.Namespace) -> int:
    written = write_sample(options.kind, options.name)
    file, *_, test = written
    names = ", ".join(map(str, written[:-1]))
    print(f"wrote {names} and {test}; they work as they are. Next:")
    if options.kind == "learner":
        name = "".join(word[:1].upper() + word[1:] for word in file.stem.split("_"))
        print(f"  reml check {file}:{name}")
    elif options.kind == "protocol":
        print(f"  reml run {file.with_suffix('.toml')} --plugin {file}")
    print(f"  pytest {test}")
    return 0


def _table(path: Path, options: argparse.Namespace) -> Survey:
    task, x, y = (tuple(it) for it in (options.task, options.x, options.y))
    said = Wanted(task, x, y, options.split_by or "")
    return survey(path, said, options.unit)


def _copy(name: str, out: Path) -> int:
    if name not in bundled():
        raise MatrixError(
            f"{line(name, 200)}: is no file, no folder and no template; "
            f"{nearest(name[:100], bundled())}"
        )
    copied(name, out)
    print(f"{out} is a copy of the matrix {name}. Next:\n  reml run {shlex.quote(str(out))}")
    return 0


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, say
        return False
