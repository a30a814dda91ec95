"""The command line as it is typed. Imports nothing slow, so that --help answers at once."""

import argparse
import os
from pathlib import Path
from typing import NoReturn


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"reml: {message}; `{self.prog} --help` shows what is possible\n")


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 on, got {text!r}")
    return int(text)


def _add_plugin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plugin",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a Python file with learners or families; may be repeated",
    )


def parser() -> argparse.ArgumentParser:
    top = _Parser(prog="reml", description="Compare meta-learners on a family of tasks.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str) -> _Parser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=name)
        return sub

    run = command("run", "Run the trials of a matrix that are not done yet, then report.")
    run.add_argument("matrix", metavar="MATRIX", help="a bundled matrix, or a TOML file")
    run.add_argument("--out", type=Path, metavar="DIR", help="results folder (results/<name>)")
    run.add_argument(
        "--jobs",
        type=_jobs,
        default=os.cpu_count() or 1,
        metavar="N",
        help="trials at a time (one a core)",
    )
    run.add_argument("--device", default="cpu", metavar="D", help="torch device (cpu)")
    run.add_argument("--only", metavar="GLOB", help="only learners or trials that match")
    _add_plugin(run)
    run.add_argument("--force", action="store_true", help="repeat trials that are done")
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
    sub = command(
        "regroup",
        "Add the names and groups of test tasks to results stored without them; their data must "
        "be at hand.",
    )
    sub.add_argument("directory", type=Path, metavar="DIR", help="a results folder")
    _add_plugin(sub)
    sub = command("compare", "Say what changed from one results folder to another.")
    for place, metavar in (("first", "A"), ("second", "B")):
        sub.add_argument(place, type=Path, metavar=metavar, help="a results folder")
    sub.add_argument("--format", choices=("md", "csv"), default="md")
    sub = command("predict", "Adapt a trained learner to a new task, and predict.")
    sub.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="a trial's folder")
    for name, what in (("support", "to adapt on"), ("query", "to predict")):
        sub.add_argument(f"--{name}", type=Path, required=True, metavar="FILE", help=f"rows {what}")
    sub.add_argument(
        "--steps", type=_count, metavar="N", help="adaptation steps (the most it was scored at)"
    )
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
    check = command("check", "Check that a learner keeps the laws of the contract.")
    check.add_argument("target", metavar="TARGET", help="a learner's name, or file.py:Class")
    return top
