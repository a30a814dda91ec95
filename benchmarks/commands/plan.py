"""`reml plan`: what a matrix would take, before any of it is run. Imports nothing slow."""

import argparse

from benchmarks.harness.outlook.planning import plan as planned
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry


def plan(options: argparse.Namespace) -> int:
    registry = Registry(options.plugin)
    matrix = load_matrix(options.matrix, registry)
    found = planned(matrix, registry, options.out, probe=options.probe)
    print(found.text(options.jobs, options.price_per_hour))
    return 0
