"""`reml` and `python -m reml`: the command line, found from here whatever folder one is in."""

import sys


def main() -> int:
    """Run the command line; see `benchmarks.cli.main`."""
    from benchmarks.cli import main as command_line
    from benchmarks.collecting import lastly

    return lastly(command_line)


if __name__ == "__main__":
    sys.exit(main())
