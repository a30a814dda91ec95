"""Values as they are typed on the command line, each checked."""

import argparse
import math
from collections.abc import Callable

from benchmarks.processors import MOST_JOBS
from benchmarks.units import bytes_in, seconds_in

MOST_STEPS = 100_000


def jobs(text: str) -> int:
    return _whole(text, 1, MOST_JOBS)


def time(text: str) -> float:
    return _measured(seconds_in, text)


def size(text: str) -> float:
    return _measured(bytes_in, text)


def _measured(read: Callable[[str], float], text: str) -> float:
    try:
        return read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}, got {text[:50]!r}") from None


def count(text: str) -> int:
    return _whole(text, 0, MOST_STEPS)


def shard(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if of:
        parts = _whole(of, 1, MOST_JOBS)
        return _whole(number, 1, parts), parts
    raise argparse.ArgumentTypeError(f"expected a part and their number, as 2/8, got {text[:50]!r}")


def port(text: str) -> int:
    return _whole(text, 0, 65535)


def probe(text: str) -> float:
    return _number(text, 0.1, 600)


def price(text: str) -> float:
    return _number(text, 0, 1e6)


def _number(text: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        expected = f"expected a number from {least:g} to {most:,.0f}, got {text[:50]!r}"
        raise argparse.ArgumentTypeError(expected)
    return number


def _whole(text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not least <= int(text) <= most:
        shown = repr(text[:50])
        expected = f"expected a whole number from {least} to {most:,}, got {shown}"
        raise argparse.ArgumentTypeError(expected)
    return int(text)
