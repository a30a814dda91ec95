"""`reml run`: what is missing of a matrix, then its report."""

import argparse

from benchmarks.api.running import How, run_matrix, shorten_temporary_folder
from benchmarks.harness.engines.shards import Shard
from benchmarks.harness.plan.budgets import Limits
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store import provenance


def run(options: argparse.Namespace) -> int:
    shorten_temporary_folder()
    registry = Registry(options.plugin)
    matrix = load_matrix(options.matrix, registry)
    how = How(
        options.out,
        options.jobs,
        options.device,
        options.only,
        options.force,
        not options.no_figures,
        Limits(options.timeout, options.memory),
        None if options.shard is None else Shard(*options.shard),
    )
    outcome = run_matrix(matrix, registry, how, provenance.command_line())
    return 1 if outcome.failed else 0
