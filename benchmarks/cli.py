"""The command line: `reml run|status|table|plot|report|compare|reproduce|...`."""

import argparse
import os
import sys
from collections.abc import Sequence

from benchmarks.options import parser

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0; 1 where a trial failed or a law is broken; 2 for bad input; 130 after
        Ctrl-C.
    """
    options = parser().parse_args(arguments)
    try:
        return _command(options)
    except KeyboardInterrupt:
        goes_on = "; the same command goes on from here" if options.command == "run" else ""
        print(f"reml: interrupted{goes_on}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever reads our output, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _command(options: argparse.Namespace) -> int:
    from benchmarks.commands import COMMANDS  # takes seconds
    from benchmarks.core.errors import UserError

    try:
        return COMMANDS[options.command](options)
    except UserError as error:
        print(f"reml: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
