"""`reml status`: how far a run is. Imports nothing slow unless only tables can tell."""

import argparse
import sys
from dataclasses import replace

from benchmarks.harness.disk.columns import SEARCH
from benchmarks.harness.outlook.running import running_in
from benchmarks.harness.outlook.status import Trials, status_text
from benchmarks.harness.store.records import overview
from benchmarks.harness.store.shown import clean_briefly, plain_text


def status(options: argparse.Namespace) -> int:
    found = overview(options.directory)
    if found is None:
        from benchmarks.harness.store.printable import clean
        from benchmarks.harness.store.results import load_results

        results = load_results(options.directory)
        shown: Trials = clean(results)
        damage = results.damage
    else:
        order = tuple(map(plain_text, found.order))
        shown, damage = (
            replace(found, order=order, records=clean_briefly(found.records)),
            found.damage,
        )
    for sentence in damage:
        print(f"reml: {sentence}", file=sys.stderr)
    places = options.directory, options.directory / SEARCH
    print(status_text(shown, [it for place in places for it in running_in(place)]))
    return 0
