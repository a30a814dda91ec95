"""`reml list` and `reml help`: what can be named in a matrix, and by which keys it is set."""

import argparse

from benchmarks.harness.plan.catalogue import catalogue
from benchmarks.harness.plan.registry import Registry


def show(options: argparse.Namespace) -> int:
    if options.name is not None:
        return about(options)
    print(catalogue(Registry(options.plugin)))
    return 0


def about(options: argparse.Namespace) -> int:
    from benchmarks.harness.plan.explaining import helped  # needs pydantic's models

    print(helped(Registry(options.plugin), options.name, getattr(options, "key", None)))
    return 0
