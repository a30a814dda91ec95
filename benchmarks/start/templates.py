"""Files to start from: a learner, a family or a protocol, each with its test; whole matrices."""

import keyword
import re
import sys
import textwrap
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from benchmarks.core.errors import UserError
from benchmarks.core.text import line
from benchmarks.harness.plan import catalogue
from benchmarks.harness.plan.explaining import REQUIRED, keys_of
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.matrix_file import bundled
from benchmarks.harness.plan.registry import Registry
from benchmarks.start.draft import demand_new, write_new
from benchmarks.start.samples.protocol import NewProtocol

FORMS = (
    ("DATA.csv", "a table in which some columns make a task; .tsv, .parquet, .xlsx and so on, too"),
    ("FOLDER", "pictures, FOLDER/CLASS/PICTURE.png"),
)
KINDS = (
    ("learner", "a class that learns across tasks, and its test"),
    ("family", "a class of tasks to draw, and its test"),
    ("protocol", "a class that says what is trained and tested, a matrix for it, and its test"),
)
LONGEST = 60
WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Where MyLearner becomes my_learner."""
MADE = {"shots": "[5, 10]", "steps": "[0, 1, 5, 10]"}


def listed() -> str:
    """What `reml init` and `reml new` can start from."""
    sections = (
        ("reml init DATA: a matrix for data of your own", FORMS),
        ("reml init NAME: a copy of a matrix that is there", _matrices()),
        ("reml new KIND NAME: a file of your own", KINDS),
    )
    width = max(len(name) for _, rows in sections for name, _ in rows)
    lines: list[str] = []
    for title, rows in sections:
        lines += [title, *(f"  {name:{width}}  {about}" for name, about in rows), ""]
    return "\n".join(lines[:-1])


def _matrices() -> tuple[tuple[str, str], ...]:
    return tuple((name, load_matrix(name).title) for name in bundled())


def copied(name: str, out: Path) -> None:
    """Write a bundled matrix to a file that isn't there."""
    write_new(out, bundled()[name].read_text(encoding="utf-8"))


def write_sample(kind: str, name: str) -> list[Path]:
    """Write a working file and its test into the working folder.

    Raises:
        UserError: the name is none that a file of Python can have.
        StoreError: one of the two is there already, or cannot be written.
    """
    module = _module(kind, name)
    cls = "".join(word[:1].upper() + word[1:] for word in module.split("_"))
    made = {Path(f"{module}.py"): _sample(kind)}
    if kind == "protocol":
        made[Path(f"{module}.toml")] = _matrix(module)
    made[Path(f"test_{module}.py")] = _sample(f"{kind}_kit")
    for path in made:
        demand_new(path, "; give another name")
    for path, text in made.items():
        own = text.replace(f"benchmarks.start.samples.{kind}", module)
        write_new(path, own.replace(f"New{kind.title()}", cls).replace(f"new_{kind}", module))
    return list(made)


def _sample(name: str) -> str:
    return files("benchmarks.start.samples").joinpath(f"{name}.py").read_text(encoding="utf-8")


def _module(kind: str, name: str) -> str:
    module = WORDS.sub("_", name).replace("-", "_").lower()
    shown = line(name, 60)
    if not (module.isidentifier() and module.isascii()) or keyword.iskeyword(module):
        raise UserError(
            f"{shown!r} is no name for a {kind}; expected letters, digits and _, no digit first"
        )
    if not module.strip("_") or len(module) > LONGEST:
        raise UserError(f"{shown!r} is no name for a {kind}; expected 1 to {LONGEST} letters")
    registry = Registry()
    taken = {name for _, kind in catalogue.KINDS for name in registry.names(kind)}
    if {name, module, module.replace("_", "-")} & taken:
        raise UserError(f"{shown!r} is taken; `reml list` shows the names there are")
    if module in sys.stdlib_module_names or _importable(module):
        raise UserError(
            f"{shown!r} is no name for a {kind}: a file {module}.py would hide the Python package "
            "of that name"
        )
    return module


def _importable(module: str) -> bool:
    if Path(f"{module}.py").exists():
        return False  # that it is there already is said later
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _matrix(module: str) -> str:
    """A small matrix with every key of the new protocol, those at their defaults as remarks."""
    rows: list[str] = []
    for key in keys_of(NewProtocol):
        if key.name == "kind":
            rows.append(f'kind = "{module}"')
            continue
        said = [f"# {it}" for it in textwrap.wrap(f"{key.name}: {key.meaning}", 90)]
        value = MADE.get(key.name, key.default)
        off = "# " * (key.default != REQUIRED and key.name not in MADE)
        shown = f"{off}{key.name} = {value}" if value != "(none)" else f"# {key.name} = ..."
        rows += ["", *said, shown]
    return PROTOCOL.format(module=module, rows="\n".join(rows).strip("\n"))


PROTOCOL = """\
# The protocol of {module}.py, tried on sinusoids: `reml run {module}.toml --plugin {module}.py`.
name = "{module}"
seeds = 1

[budget]
tasks = 1_000

[[protocol]]
{rows}

[[family]]
name = "sinusoid"

[[learner]]
name = "mean"

[[learner]]
name = "gp"
"""
