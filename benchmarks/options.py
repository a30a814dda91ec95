"""The command line as it is typed. Imports nothing slow, so that --help answers at once."""

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from benchmarks import typed
from benchmarks.processors import processors

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

EXIT_CODES = (
    "Exit codes: 0 done; 1 a trial failed or a law is broken; 2 something given is wrong, or the "
    "output cannot be written; 70 an error of this program's own; 130 Ctrl-C."
)


class _Parser(argparse.ArgumentParser):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def print_help(self, file: "SupportsWrite[str] | None" = None) -> None:
        # argparse would not say that a long text could not be written
        print(self.format_help(), end="", file=file)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # a command says itself what it does not know: argparse would leave that to `reml`
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown

    def error(self, message: str) -> NoReturn:
        near = self._meant(message)
        if near:
            message = message.partition(" (choose from")[0]
        message = message if len(message) < 500 else f"{message[:500]}…"
        hint = f"; did you mean {near[0]!r}?" if near else ""
        self.exit(2, f"reml: {message}; `{self.prog} --help` shows what is possible{hint}\n")

    def _meant(self, message: str) -> list[str]:
        """The option or choice that is nearest to the first of the message that does not exist."""
        if option := re.match(r"unrecognized arguments: (?:[^-]\S* )*(--?[^\s=]+)", message):
            known = {it.lstrip("-"): it for it in self._option_string_actions}
            return [known[it] for it in _near(option[1].lstrip("-"), known)]
        choice = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        return _near(choice[1], re.findall(r"[\w-]+", choice[2])) if choice else []


def _near(name: str, known: Iterable[str]) -> list[str]:
    import difflib

    return difflib.get_close_matches(name[:100], known, n=1)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"reml {version('reml-bench')}")
        except PackageNotFoundError:
            print("reml, not installed")
        parser.exit()


def _add_plugin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plugin",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a Python file with learners or families; may be repeated",
    )


def _add_one_figure(parser: argparse.ArgumentParser) -> None:
    for option, metavar, text in (
        ("--figure", "NAME", "draw this one alone, outside of the folder"),
        ("--learners", "A,B", "labels of those to show in it"),
        ("--format", "F", "pdf, svg or png (that of the output's name, else pdf)"),
        ("--style", "S", "report, paper or slides: how large text is"),
        ("--size", "WxH", "width and height in inches: 3.3x2.5"),
    ):
        parser.add_argument(option, metavar=metavar, help=text)
    parser.add_argument(
        *("-o", "--out"), type=Path, metavar="FILE", help="where it goes (NAME.pdf, here)"
    )
    parser.add_argument("--list", action="store_true", help="show the names of the figures")


def parser() -> argparse.ArgumentParser:
    top = _Parser(
        prog="reml", description="Compare meta-learners on a family of tasks.", epilog=EXIT_CODES
    )
    top.add_argument("--version", action=_Version, nargs=0, help="show the version, and end")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    at_a_time = "trials at a time (as many as processors this process may use: %(default)s)"

    def command(name: str, text: str) -> _Parser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=name)
        return sub

    run = command("run", "Run the trials of a matrix that are not done yet, then report.")
    tune = command("tune", "Search the settings that a matrix with [tuning] asks for, and no more.")
    for sub in (run, tune):
        sub.add_argument("matrix", metavar="MATRIX", help="a bundled matrix, or a TOML file")
        sub.add_argument("--out", type=Path, metavar="DIR", help="results folder (results/<name>)")
        sub.add_argument(
            "--jobs",
            type=typed.jobs,
            default=processors(),
            metavar="N",
            help=at_a_time,
        )
        sub.add_argument("--device", default="cpu", metavar="D", help="torch device (cpu)")
        sub.add_argument("--only", metavar="GLOB", help="only learners or trials that match")
        for option, read, metavar, what in (
            ("--timeout", typed.time, "T", "end a trial after so long: 90 (seconds), 10m, 1h30m"),
            (
                "--memory",
                typed.size,
                "M",
                "end a trial that takes more, with all it started: 4GB",
            ),
        ):
            sub.add_argument(option, type=read, metavar=metavar, help=what)
        where = "where trials run: local (or as [engine] says), ray, ray://HOST:PORT, slurm"
        sub.add_argument("--engine", metavar="E", help=where)
        _add_plugin(sub)
    run.add_argument(
        "--shard",
        type=typed.shard,
        metavar="I/N",
        help="run the I-th of N parts alone, from 1; `reml merge` puts them together",
    )
    detach = "leave once all is in SLURM's queue; the same command collects it later"
    run.add_argument("--detach", action="store_true", help=detach)
    run.add_argument("--force", action="store_true", help="repeat trials that are done")
    run.add_argument("--no-figures", action="store_true", help="write the report without figures")
    sub = command("plan", "Say what a matrix would take, before any of it is run.")
    sub.add_argument("matrix", metavar="MATRIX", help="a bundled matrix, or a TOML file")
    sub.add_argument("--out", type=Path, metavar="DIR", help="results folder (results/<name>)")
    sub.add_argument("--jobs", type=typed.jobs, default=processors(), metavar="N", help=at_a_time)
    sub.add_argument("--engine", metavar="E", help="what this engine would be asked for")
    sub.add_argument(
        "--probe",
        type=typed.probe,
        nargs="?",
        const=3.0,
        metavar="S",
        help="try each learner for S seconds (3), and check all of the matrix and its data",
    )
    sub.add_argument(
        "--price-per-hour",
        type=typed.price,
        metavar="X",
        help="what a machine for so many trials at a time costs",
    )
    _add_plugin(sub)
    init = command(
        "init",
        "Look at data, guess what its columns are for, and write a matrix that suits them; without "
        "DATA, list what there is to start from.",
    )
    init.add_argument("data", metavar="DATA", nargs="?", help="a table, or a folder of pictures")
    columns = (
        ("--task", "columns that together name a task: a,b"),
        ("--x", "columns that are inputs: a,b"),
        ("--y", "the target, numbers or classes; or several of numbers: a,b"),
    )
    for option, what in columns:
        init.add_argument(option, action="append", default=[], metavar="COLS", help=what)
    init.add_argument("--split-by", metavar="COL", help="its values are the groups held out whole")
    init.add_argument("--unit", default="", metavar="U", help="the target's unit, for tables")
    init.add_argument(
        "--out", type=Path, default=Path("matrix.toml"), metavar="FILE", help="(%(default)s)"
    )
    new = command("new", "Write a working file to start from, and its test.")
    new.add_argument("kind", choices=("learner", "family", "protocol"), help="what it is")
    new.add_argument("name", metavar="NAME", help="what it is called, and its file")
    for name, text in (
        ("status", "Show what is done, failed and missing, and what it has cost."),
        ("table", "Print the table of a results folder, and keep it there."),
        ("plot", "Draw the figures of a results folder."),
        ("report", "Write one page with all of a results folder, report.html."),
        ("reproduce", "Hold a results folder against published numbers."),
    ):
        sub = command(name, text)
        sub.add_argument("directory", type=Path, metavar="DIR", help="a results folder")
        if name == "table":
            sub.add_argument("--format", choices=("md", "csv", "latex"), default="md")
            sub.add_argument(
                "--against", metavar="NAME", help="the learner of paired differences (maml)"
            )
            by = "what to show: scores, or all that the learners spent (printed, not kept)"
            sub.add_argument("--by", choices=("score", "spending"), default="score", help=by)
        if name == "plot":
            _add_one_figure(sub)
    sub = command("watch", "Follow a run from anywhere: on this terminal, or on a page.")
    sub.add_argument("directory", type=Path, metavar="DIR", help="its results folder")
    sub.add_argument("--web", action="store_true", help="on a page that only this machine sees")
    sub.add_argument("--port", type=typed.port, metavar="N", help="of the page (8765, or any)")
    sub.add_argument(
        "--no-open", dest="open", action="store_false", help="open no browser, only say where it is"
    )
    sub = command(
        "regroup",
        "Add the names and groups of test tasks to results stored without them; their data must "
        "be at hand.",
    )
    sub.add_argument("directory", type=Path, metavar="DIR", help="a results folder")
    _add_plugin(sub)
    sub = command(
        "publish", "Copy results to a small folder, to be committed or sent: tables and scores."
    )
    sub.add_argument("directory", type=Path, metavar="DIR", help="a results folder")
    sub.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new folder, or a published one"
    )
    shown = "figures to put there, as PNG: a,b; of DIR itself those it has, if left out"
    sub.add_argument("--figures", default="", metavar="NAMES", help=shown)
    sub = command("merge", "Put results folders of one matrix together, as of shards, and report.")
    sub.add_argument("sources", type=Path, nargs="+", metavar="DIR", help="a results folder")
    merged = "a new folder, or one of the same matrix"
    sub.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help=merged)
    sub.add_argument("--no-figures", action="store_true", help="write the report without figures")
    sub = command("compare", "Say what changed from one results folder to another.")
    for place, metavar in (("first", "A"), ("second", "B")):
        sub.add_argument(place, type=Path, metavar=metavar, help="a results folder")
    sub.add_argument("--format", choices=("md", "csv"), default="md")
    sub = command(
        "predict",
        "Adapt trained learners to new tasks, and predict: the best of a results folder, the mean "
        "of all its trainings, unless others are named. Columns that name tasks tell many apart.",
    )
    sub.add_argument("place", type=Path, metavar="RESULTS", help="a results folder, or a trial's")
    one = "one file with all rows: those with an empty target are predicted"
    sub.add_argument("data", type=Path, metavar="FILE", nargs="?", help=one)
    for name, what in (("support", "to adapt on"), ("query", "to predict")):
        sub.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"rows {what}")
    sub.add_argument("--learner", metavar="NAME", help="which, as in the table (the best)")
    sub.add_argument("--seed", type=typed.count, metavar="N", help="one of its seeds alone (all)")
    sub.add_argument("--family", metavar="NAME", help="what it was trained on, of several")
    sub.add_argument(
        "--steps",
        type=typed.count,
        metavar="N",
        help="adaptation steps (as validation chose)",
    )
    sub.add_argument("--sheet", metavar="NAME", help="of Excel files (as in training)")
    sub.add_argument("--out", type=Path, metavar="FILE", help="CSV of predictions (printed)")
    _add_plugin(sub)
    there = command("list", "Show the learners, families and bundled matrices there are.")
    there.add_argument("name", metavar="NAME", nargs="?", help="one of them, with its keys")
    _add_plugin(there)
    about = command(
        "help", "Show every key of a learner, family or protocol: default, range, meaning."
    )
    about.add_argument("name", metavar="NAME", help="a learner, a family or a protocol")
    about.add_argument("key", metavar="KEY", nargs="?", help="one of its keys alone")
    _add_plugin(about)
    command(
        "doctor", "Show versions, what is missing, how to get it, and how fast this machine is."
    )
    check = command("check", "Check that a learner, family or protocol keeps the laws of its kind.")
    check.add_argument("target", metavar="TARGET", help="its name, or file.py:Class")
    check.add_argument(
        "keys",
        nargs="*",
        metavar="KEY=VALUE",
        help="keys to make it with, as a matrix file has them",
    )
    _add_plugin(check)
    return top
