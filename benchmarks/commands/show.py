"""Commands that show what a results folder holds."""

import argparse
from pathlib import Path

from benchmarks.core.errors import StoreError
from benchmarks.core.text import count
from benchmarks.harness import regroup as redrawn
from benchmarks.harness.registry import Registry
from benchmarks.harness.status import status_text
from benchmarks.harness.store import Results, consolidate, load_records, load_results


def status(options: argparse.Namespace) -> int:
    print(status_text(load_results(options.directory)))
    return 0


def table(options: argparse.Namespace) -> int:
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


def regroup(options: argparse.Namespace) -> int:
    found = redrawn.regroup(options.directory, Registry(options.plugin))
    for it in found:
        groups = len(set(it.batch.groups))
        print(
            f"{it.family}, {it.protocol}, {it.shots} shots: {len(it.batch):,} tasks in "
            f"{count(groups, 'group')} ({it.grouped_by}); {it.proof} are those stored"
        )
    if not found:
        print(f"{options.directory}: none of its test tasks has a name or a group")
    return 0


def page(options: argparse.Namespace) -> int:
    from benchmarks.report.figures import drawn
    from benchmarks.report.page import inlay, write_page

    results = _scored(options.directory)
    inlays = [inlay(picture, figure) for picture, figure in drawn(results)]
    print(write_page(results, load_records(options.directory), inlays, options.directory))
    return 0


def plot(options: argparse.Namespace) -> int:
    from benchmarks.report.figures import write_figures
    from benchmarks.report.index import write_index

    results = _scored(options.directory)
    for path in write_figures(results, options.directory):
        print(path)
    print(write_index(results, options.directory))
    return 0


def compare(options: argparse.Namespace) -> int:
    from benchmarks.report.compare import Side, render_comparison

    first, second = (Side(it, _scored(it)) for it in (options.first, options.second))
    print(render_comparison(first, second, options.format).rstrip("\n"))
    return 0


def reproduce(options: argparse.Namespace) -> int:
    from benchmarks.report.reproduce import write_reproduce

    print(write_reproduce(_scored(options.directory), options.directory).rstrip("\n"))
    return 0


def _scored(directory: Path) -> Results:
    results = consolidate(directory)
    if results.scores.empty:
        raise StoreError(f"{directory}: no trial is done; `reml status {directory}` says more")
    return results
