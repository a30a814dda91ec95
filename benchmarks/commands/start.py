"""`reml init` and `reml new`: the first files."""

import argparse

from benchmarks.api import starting
from benchmarks.start.templates import listed


def init(options: argparse.Namespace) -> int:
    if options.data is None:
        print(listed())
        return 0
    starting.init(
        options.data,
        options.out,
        task=options.task,
        x=options.x,
        y=options.y,
        split_by=options.split_by or "",
        unit=options.unit,
    )
    return 0


def new(options: argparse.Namespace) -> int:
    written = starting.new(options.kind, options.name)
    file, *_, test = written
    names = ", ".join(map(str, written[:-1]))
    print(f"wrote {names} and {test}; they work as they are. Next:")
    if options.kind == "learner":
        name = "".join(word[:1].upper() + word[1:] for word in file.stem.split("_"))
        print(f"  reml check {file}:{name}")
    elif options.kind == "protocol":
        print(f"  reml run {file.with_suffix('.toml')} --plugin {file}")
    print(f"  pytest {test}")
    return 0
