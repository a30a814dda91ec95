"""`reml regroup`: names and groups of test tasks, for results that were stored without them."""

import argparse

from benchmarks.core.text import count
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store import regroup as redrawn


def regroup(options: argparse.Namespace) -> int:
    found = redrawn.regroup(options.directory, Registry(options.plugin))
    for it in found:
        groups = len(set(it.batch.groups))
        print(
            f"{it.family}, {it.protocol}, {it.shots} shots: {len(it.batch):,} tasks in "
            f"{count(groups, 'group')} ({it.grouped_by}); {it.proof} are those stored"
        )
    if not found:
        print(
            f"{options.directory}: none of its test tasks has a name or a group that is not stored"
        )
    return 0
