"""`reml plan`: what a matrix would take, before any of it is run. Imports nothing slow."""

import argparse

from benchmarks.harness.engines.settings import settings_for
from benchmarks.harness.engines.telling import engine_lines
from benchmarks.harness.outlook.planning import plan as planned
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry


def plan(options: argparse.Namespace) -> int:
    registry = Registry(options.plugin)
    matrix = load_matrix(options.matrix, registry)
    settings = settings_for(matrix)
    found = planned(matrix, registry, options.out, probe=options.probe)
    told = list(engine_lines(options.engine, settings, found.forecast, options.jobs))
    print("\n".join([found.text(options.jobs, options.price_per_hour), *told]))
    return 0
