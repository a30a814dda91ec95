"""What commands import, and so how long one waits for their first line; each in its own process."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "results" / "sinusoid"
SCRIPT = """
import sys
before = set(sys.modules)
from reml.__main__ import main
code = 0
try:
    code = main()
except SystemExit as end:
    code = end.code
new = {it.partition(".")[0] for it in set(sys.modules) - before}
print(code, file=sys.stderr)
found = sorted(it for it in new - sys.stdlib_module_names if not it.startswith("_"))
print(*found, file=sys.stderr)
"""


def imported(*arguments: str | Path) -> set[str]:
    """The packages beside Python's own that a command has imported when it is done."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    *_, code, packages = done.stderr.splitlines()
    assert code in ("0", "2"), done.stderr
    return set(packages.split())


OURS = {"baselines", "benchmarks", "reml", "gym_notices"}
CHECKING = {
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "typing_inspection",
}


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_imports_nothing_but_the_parser(arguments: list[str]) -> None:
    assert imported(*arguments) <= OURS


def test_status_imports_what_checks_records_and_no_tables() -> None:
    assert imported("status", PUBLISHED) <= OURS | CHECKING


def having_torch(*codes: str) -> list[str]:
    """Whether it is imported when each of them has run, one after the other in one process."""
    tell = "\nprint('torch' in sys.modules)\n"
    done = subprocess.run(
        [sys.executable, "-c", "import sys, importlib, pkgutil\n" + tell.join([*codes, ""])],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_commands_that_train_nothing_import_no_torch() -> None:
    commands = ("show", "status", "catalogue")
    found = having_torch(
        *(f"importlib.import_module('benchmarks.commands.{it}')" for it in commands),
        "import benchmarks.report as report\n"
        "for it in pkgutil.walk_packages(report.__path__, 'benchmarks.report.'):\n"
        "    if 'simulation' not in it.name: importlib.import_module(it.name)\n",
    )
    assert dict(zip((*commands, "report"), found, strict=True)) == dict.fromkeys(
        (*commands, "report"), "False"
    )


def test_drawing_imports_of_seaborn_what_it_takes_and_leaves_it_whole_to_others() -> None:
    code = (
        "import sys; from benchmarks.report.figures.catalogue import figure_modules\n"
        "figure_modules(); print(*{'scipy.stats', 'seaborn'} & set(sys.modules))\n"
        "import seaborn; print(seaborn.__version__, callable(seaborn.lineplot))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["", f"{version('seaborn')} True"]


def test_what_starts_workers_on_other_machines_imports_no_torch() -> None:
    """A task of SLURM or Ray waits for its worker: without 300 MB and two seconds of its own."""
    found = having_torch("from benchmarks.harness.engines import ray_node, slurm_task")
    assert found == ["False"]
