"""`reml run`: what is missing of a matrix, then its report; `reml tune`: its settings alone."""

import argparse
from typing import Any

from benchmarks.api.running import How, Keep, run_matrix, shorten_temporary_folder
from benchmarks.commands.unchanged import Unchanged
from benchmarks.harness.engines.shards import Shard
from benchmarks.harness.plan.budgets import Limits
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store import provenance


def run(options: argparse.Namespace) -> int:
    shard = None if options.shard is None else Shard(*options.shard)
    more = {"figures": not options.no_figures, "shard": shard, "detach": options.detach}
    return _run(options, Unchanged(options).keep, force=options.force, **more)


def tune(options: argparse.Namespace) -> int:
    return _run(options, None, tune_only=True)


def _run(options: argparse.Namespace, keep: Keep | None, **more: Any) -> int:
    shorten_temporary_folder()
    registry = Registry(options.plugin)
    matrix = load_matrix(options.matrix, registry)
    limits = Limits(options.timeout, options.memory)
    more |= {"limits": limits, "engine": options.engine}
    how = How(options.out, options.jobs, options.device, options.only, **more)
    outcome = run_matrix(matrix, registry, how, provenance.command_line(), keep=keep)
    return 1 if outcome.failed else 0
