"""Commands that show what a results folder holds; they write to it only what can be kept there."""

import argparse
import sys
from pathlib import Path

from benchmarks.core.errors import StoreError, UnknownName, UserError
from benchmarks.harness.store.ledger import is_published
from benchmarks.harness.store.lock import keeping
from benchmarks.harness.store.printable import clean
from benchmarks.harness.store.results import Results, keep_consolidated, load_results
from benchmarks.report.figures.cleanup import PAGE


def table(options: argparse.Namespace) -> int:
    from benchmarks.report.documents.index import write_index
    from benchmarks.report.documents.whole import write_lacking
    from benchmarks.report.tables.spending import render_spending
    from benchmarks.report.tables.write import render_table, write_table

    directory, against = options.directory, options.against
    if options.by == "spending":
        print(render_spending(_scored(directory), options.format).rstrip("\n"))
        return 0
    with keeping(directory) as keep:
        stored = _scored(directory)
        results = clean(stored)
        text = render_table(results, options.format, against)
        if is_published(directory):
            keep(lambda: write_lacking(results, directory))
        else:
            keep(lambda: keep_consolidated(stored, directory))
            keep(lambda: write_table(results, directory, against))
            keep(lambda: write_index(results, directory, against))
    print(text.rstrip("\n"))
    return 0


def publish(options: argparse.Namespace) -> int:
    from benchmarks.api.asking import publish as copy
    from benchmarks.harness.store.copies.thinning import LEFT_OUT

    copy(options.directory, options.out, [it for it in options.figures.split(",") if it])
    size = sum(it.stat().st_size for it in options.out.rglob("*") if it.is_file())
    print(f"{options.out}: {size / 1e6:.1f} MB; `reml report {options.out}` draws its figures")
    print(f"Not all is there: {LEFT_OUT}.")
    return 0


def page(options: argparse.Namespace) -> int:
    from benchmarks.report.documents.whole import write_page_alone

    directory = options.directory
    with keeping(directory) as keep:
        stored = _scored(directory)
        results = clean(stored)
        text = ""
        keep(lambda: keep_consolidated(stored, directory))
        if not keep.trouble:
            keep(lambda: write_page_alone(results, directory))
            text = str(directory / PAGE)
        if keep.trouble:
            from benchmarks.report.documents.index import render_index

            text = render_index(results, directory)
    print(text.rstrip("\n"))
    return 0


def plot(options: argparse.Namespace) -> int:
    if options.list:
        return _list_figures(options.directory)
    if options.figure is not None:
        return _plot_one(options)
    for name in ("learners", "format", "style", "size", "out"):
        if getattr(options, name) is not None:
            raise UserError(f"--{name} is of one figure: name it with --figure (--list shows all)")
    from benchmarks.report.documents.index import render_index, write_index
    from benchmarks.report.figures.catalogue import write_figures

    directory, written = options.directory, list[Path]()
    with keeping(directory) as keep:
        stored = _scored(directory)
        results = clean(stored)
        keep(lambda: keep_consolidated(stored, directory))
        keep(lambda: written.extend(write_figures(results, directory)))
        keep(lambda: written.append(write_index(results, directory)))
        text = render_index(results, directory) if keep.trouble else ""
    print(text.rstrip("\n") or "\n".join(map(str, written)))
    return 0


def _list_figures(directory: Path) -> int:
    from benchmarks.report.figures.catalogue import pictures

    there = list(pictures(clean(_scored(directory))))
    width = max((len(it.stem) for it in there), default=0)
    for it in there:
        print(f"{it.stem:{width}}  {it.title}")
    return 0


def _plot_one(options: argparse.Namespace) -> int:
    from benchmarks.report.figures.one import FORMATS, draw_one, labels_of, place_of, save_one

    if options.format is not None and options.format not in FORMATS:
        raise UnknownName("format", options.format, FORMATS)
    path, kind = place_of(options.out, options.format, options.figure)
    results = clean(_scored(options.directory))
    drawing = draw_one(
        results,
        options.figure,
        None if options.learners is None else labels_of(options.learners, results.order),
        style=options.style,
        size=options.size,
        where=str(options.directory),
    )
    save_one(drawing, path, kind)
    for sentence in drawing.cautions:
        print(f"reml: {sentence}", file=sys.stderr)
    print(path)
    return 0


def compare(options: argparse.Namespace) -> int:
    from benchmarks.report.documents.compare import Side, render_comparison

    first, second = (Side(it, clean(_scored(it))) for it in (options.first, options.second))
    print(render_comparison(first, second, options.format).rstrip("\n"))
    return 0


def reproduce(options: argparse.Namespace) -> int:
    from benchmarks.report.documents.reproduce import keep_reproduce, render_reproduce

    directory = options.directory
    with keeping(directory) as keep:
        stored = _scored(directory)
        results = clean(stored)
        text, found = render_reproduce(results)
        keep(lambda: keep_consolidated(stored, directory))
        keep(lambda: keep_reproduce(text, found, directory))
    print(text.rstrip("\n"))
    return 0


def _loaded(directory: Path) -> Results:
    results = load_results(directory)
    for sentence in results.damage:
        print(f"reml: {sentence}", file=sys.stderr)
    return results


def _scored(directory: Path) -> Results:
    results = _loaded(directory)
    if results.scores.empty:
        raise StoreError(f"{directory}: no trial is done; `reml status {directory}` says more")
    return results
