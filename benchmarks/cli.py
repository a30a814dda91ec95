"""The command line: `reml run|status|table|plot|report|compare|reproduce|...`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

import torch

from benchmarks.core.errors import StoreError, UnknownName, UserError
from benchmarks.harness import provenance
from benchmarks.harness.catalogue import catalogue
from benchmarks.harness.expand import TrialSpec, describe, expand
from benchmarks.harness.fields import build
from benchmarks.harness.folder import ENDED, ResultsFolder
from benchmarks.harness.matrix import load_matrix
from benchmarks.harness.predict import load_checkpoint, predict
from benchmarks.harness.progress import count, watch
from benchmarks.harness.registry import Found, Registry, check_shape, classes_of, import_file
from benchmarks.harness.runner import run_trials
from benchmarks.harness.status import status_text
from benchmarks.harness.store import Results, consolidate, load_records, load_results, restore
from benchmarks.report.stale import INDEX, remove_report

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0; 1 where a trial failed or a law is broken; 2 for bad input; 130 after
        Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except UserError as error:
        print(f"reml: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        goes_on = "; the same command goes on from here" if command is _run else ""
        print(f"reml: interrupted{goes_on}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever reads our output, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(options: argparse.Namespace) -> int:
    registry = Registry(options.plugin)
    matrix = load_matrix(options.matrix)
    _check_device(options.device)
    trials = expand(matrix, registry)
    chosen = _chosen(trials, options.only)
    directory = options.out or Path("results") / matrix.name
    origin = provenance.collect(options.device, provenance.command_line())
    folder = ResultsFolder(directory)
    restore(directory)
    with folder.open(describe(matrix, trials)) as strays:
        if options.force:
            for trial in chosen:
                folder.remove(trial.id)
        records = {trial.id: folder.record(trial.id) or {} for trial in chosen}
        left = [trial for trial in chosen if records[trial.id].get("status") not in ENDED]
        _announce(matrix.name, directory, records, left, origin["commit"])
        if strays:
            are = "trial there is" if strays == 1 else "trials there are"
            print(f"note: {strays:,} {are} no longer part of {matrix.name}, and left out")
        with watch(left, options.jobs) as progress:
            run_trials(
                left,
                folder,
                registry,
                progress,
                jobs=options.jobs,
                device=options.device,
                provenance=origin,
                done=[] if options.force else [trial for trial in trials if trial not in left],
            )
        results = consolidate(directory)
        if results.scores.empty:
            remove_report(directory)  # of a matrix this one has replaced
        else:
            _report(results, directory)
    ended = results.trials[results.trials["trial"].isin(records)]
    failed = int((ended["status"] == "failed").sum())
    if failed:
        print(
            f"{failed} of {count(len(ended), 'trial')} failed; `reml status {directory}` says why"
        )
    return 1 if failed else 0


def _chosen(trials: list[TrialSpec], pattern: str | None) -> list[TrialSpec]:
    if pattern is None:
        return trials
    chosen = [
        trial
        for trial in trials
        if any(
            name == pattern or fnmatchcase(name, pattern)
            for name in (trial.learner.label, trial.id)
        )
    ]
    if not chosen:
        labels = {trial.learner.label for trial in trials}
        raise UnknownName("learner or trial", pattern, labels, "--only")
    return chosen


def _announce(
    name: str,
    directory: Path,
    records: dict[str, dict[str, Any]],
    left: list[TrialSpec],
    commit: str | None,
) -> None:
    done = len(records) - len(left)
    trials = count(len(records), "trial")
    print(f"{name}: {trials}, {done} done already, {len(left)} to run; in {directory}")
    others = [
        record
        for record in records.values()
        if record.get("status") == "done" and record["provenance"].get("commit") != commit
    ]
    if others:
        print(f"note: {len(others)} of them were run by other commits; --force repeats them")


def _report(results: Results, directory: Path) -> None:
    # drawing takes a second to import, and workers import this module
    from benchmarks.report.figures import write_figures
    from benchmarks.report.index import write_index
    from benchmarks.report.page import Inlay, inlay, write_page
    from benchmarks.report.tables import render_table, write_table

    inlays: list[Inlay] = []
    write_table(results, directory)
    write_figures(results, directory, lambda *drawn: inlays.append(inlay(*drawn)))
    write_index(results, directory)
    page = write_page(results, load_records(directory), inlays, directory)
    print(render_table(results, "md"))
    print(f"{page} shows the table, the figures and every trial; {INDEX} has the same for GitHub")


def _status(options: argparse.Namespace) -> int:
    print(status_text(load_results(options.directory)))
    return 0


def _table(options: argparse.Namespace) -> int:
    from benchmarks.report.index import write_index
    from benchmarks.report.spending import render_spending
    from benchmarks.report.tables import render_table, write_table

    results = _scored(options.directory)
    if options.by == "spending":
        print(render_spending(results, options.format).rstrip("\n"))
        return 0
    write_table(results, options.directory, options.against)
    write_index(results, options.directory, options.against)
    print(render_table(results, options.format, options.against).rstrip("\n"))
    return 0


def _page(options: argparse.Namespace) -> int:
    from benchmarks.report.figures import drawn
    from benchmarks.report.page import inlay, write_page

    results = _scored(options.directory)
    inlays = [inlay(picture, figure) for picture, figure in drawn(results)]
    print(write_page(results, load_records(options.directory), inlays, options.directory))
    return 0


def _compare(options: argparse.Namespace) -> int:
    from benchmarks.report.compare import Side, render_comparison

    first, second = (Side(it, _scored(it)) for it in (options.first, options.second))
    print(render_comparison(first, second, options.format).rstrip("\n"))
    return 0


def _reproduce(options: argparse.Namespace) -> int:
    from benchmarks.report.reproduce import write_reproduce

    print(write_reproduce(_scored(options.directory), options.directory).rstrip("\n"))
    return 0


def _plot(options: argparse.Namespace) -> int:
    from benchmarks.report.figures import write_figures
    from benchmarks.report.index import write_index

    results = _scored(options.directory)
    for path in write_figures(results, options.directory):
        print(path)
    print(write_index(results, options.directory))
    return 0


def _scored(directory: Path) -> Results:
    results = consolidate(directory)
    if results.scores.empty:
        raise StoreError(f"{directory}: no trial is done; `reml status {directory}` says more")
    return results


def _list(options: argparse.Namespace) -> int:
    print(catalogue(Registry()))
    return 0


def _check(options: argparse.Namespace) -> int:
    from benchmarks.testing import check_learner

    found = _target(options.target)
    fields = {**found.preset, **found.cls.test_fields}  # type: ignore[attr-defined]
    where = f"{options.target}: test_fields"
    checks = check_learner(lambda: build(found.cls, {}, fields, where))
    for check in checks:
        print(f"{'holds ' if check.passed else 'BROKEN'}  {check.name}: {check.message}")
    broken = sum(not check.passed for check in checks)
    print(f"{options.target}: {len(checks) - broken} of {len(checks)} laws hold")
    return 1 if broken else 0


def _predict(options: argparse.Namespace) -> int:
    checkpoint = load_checkpoint(options.checkpoint, Registry(options.plugin))
    predicted, words = predict(checkpoint, options.support, options.query, options.steps)
    for line in words:
        print(line, file=sys.stderr)
    try:
        predicted.to_csv(options.out or sys.stdout, index=False)
    except OSError as error:
        raise StoreError(f"{options.out}: cannot be written ({error})") from None
    return 0


def _target(target: str) -> Found:
    file, colon, name = target.rpartition(":")
    if not colon and target.endswith(".py"):
        raise UserError(f"{target}: names no class; expected {target}:Class")
    if not colon:
        return Registry().find("learner", target)
    classes = {cls.__name__: cls for cls in classes_of(import_file(Path(file)))}
    if name not in classes:
        raise UnknownName("class", name, classes, file)
    check_shape("learner", classes[name], file)
    return Found(classes[name])


def _check_device(device: str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).partition("\n")[0].rstrip(".")
        raise UserError(f"--device: {device!r} cannot be used here ({first})") from None


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


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="reml", description="Compare meta-learners on a family of tasks.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> _Parser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=run)
        return sub

    run = command("run", _run, "Run the trials of a matrix that are not done yet, then report.")
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
    for name, function, text in (
        ("status", _status, "Show what is done, failed and missing, and what it has cost."),
        ("table", _table, "Print the table of a results folder, and keep it there."),
        ("plot", _plot, "Draw the figures of a results folder."),
        ("report", _page, "Write one page with all of a results folder, report.html."),
        ("reproduce", _reproduce, "Hold a results folder against published numbers."),
    ):
        sub = command(name, function, text)
        sub.add_argument("directory", type=Path, metavar="DIR", help="a results folder")
        if name == "table":
            sub.add_argument("--format", choices=("md", "csv", "latex"), default="md")
            sub.add_argument(
                "--against", metavar="NAME", help="the learner of paired differences (maml)"
            )
            by = "what to show: scores, or all that the learners spent (printed, not kept)"
            sub.add_argument("--by", choices=("score", "spending"), default="score", help=by)
    sub = command("compare", _compare, "Say what changed from one results folder to another.")
    for place, metavar in (("first", "A"), ("second", "B")):
        sub.add_argument(place, type=Path, metavar=metavar, help="a results folder")
    sub.add_argument("--format", choices=("md", "csv"), default="md")
    sub = command("predict", _predict, "Adapt a trained learner to a new task, and predict.")
    sub.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="a trial's folder")
    for name, what in (("support", "to adapt on"), ("query", "to predict")):
        sub.add_argument(f"--{name}", type=Path, required=True, metavar="FILE", help=f"rows {what}")
    sub.add_argument(
        "--steps", type=_count, metavar="N", help="adaptation steps (the most it was scored at)"
    )
    sub.add_argument("--out", type=Path, metavar="FILE", help="CSV of predictions (printed)")
    _add_plugin(sub)
    command("list", _list, "Show the learners, families and bundled matrices there are.")
    check = command("check", _check, "Check that a learner keeps the laws of the contract.")
    check.add_argument("target", metavar="TARGET", help="a learner's name, or file.py:Class")
    return parser


if __name__ == "__main__":
    sys.exit(main())
