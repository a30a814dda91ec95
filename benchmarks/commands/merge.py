"""`reml merge`: results folders of one matrix, put together."""

import argparse
import sys

from benchmarks.core.text import count
from benchmarks.harness.engines.merge import merge as put_together
from benchmarks.harness.store.printable import clean
from benchmarks.harness.store.results import consolidate
from benchmarks.report.documents.whole import write_whole


def merge(options: argparse.Namespace) -> int:
    merged = put_together(options.sources, options.out)
    for sentence in merged.damage:
        print(f"reml: {sentence}", file=sys.stderr)
    left = merged.trials - merged.ended
    rest = f", {left:,} failed or missing; `reml status {options.out}` says which" if left else ""
    print(f"{options.out}: {count(merged.trials, 'trial')}, {merged.ended:,} done{rest}")
    results = consolidate(options.out)
    if not results.scores.empty:
        write_whole(clean(results), options.out, print, figures=not options.no_figures)
    return 0
