"""Times and sizes as people write them: 90, 10m, 1h30m; 500MB, 4GiB. Imports nothing slow."""

import math
import re

NONE = "none"
TIMES = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
TIME = re.compile(
    r"(?P<n>[0-9]+(?:\.[0-9]+)?) ?"
    r"(?P<unit>s|m|h|d)(?:(?<=s)ec(?:ond)?s?|(?<=m)in(?:ute)?s?|(?<=h)(?:ou)?rs?|(?<=d)ays?)? ?"
)
LEAST_SECONDS, MOST_SECONDS = 0.1, 1000 * 86400.0
SIZES = {
    **{f"{prefix}b": 1000**power for power, prefix in enumerate("kmgt", 1)},
    **{f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgt", 1)},
}
SIZE = re.compile(r"(?P<n>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>[kmgt](?:i?b)?)")
LEAST_BYTES, MOST_BYTES = 10**8, 10**15
A_TIME = f"a time from {LEAST_SECONDS} s to 1000 days such as 90, 10m or 1h30m, or {NONE!r}"
A_SIZE = f"a size from 100MB to 1000TB such as 500MB, 4GB or 4GiB, or {NONE!r}"


def seconds_in(text: str | float) -> float:
    """A time in seconds; a bare number is one, and infinity stands for none.

    Raises:
        ValueError: it is no such time.
    """
    if isinstance(text, str) and text.strip().lower() == NONE:
        return math.inf
    found = _seconds(text.strip().lower()) if isinstance(text, str) else _bare(text)
    if found is None or not LEAST_SECONDS <= found <= MOST_SECONDS:
        raise ValueError(f"expected {A_TIME}")
    return found


def _bare(number: object) -> float | None:
    known = isinstance(number, int | float) and not isinstance(number, bool)
    return float(number) if known else None  # type: ignore[arg-type]


def _seconds(text: str) -> float | None:
    if len(text) > 40:
        return None
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text):
        return float(text)
    place, total, last = 0, 0.0, math.inf
    while place < len(text):
        found = TIME.match(text, place)
        if found is None or TIMES[found["unit"]] >= last:  # 5m10m is a slip
            return None
        last = TIMES[found["unit"]]
        total += float(found["n"]) * last
        place = found.end()
    return total


def bytes_in(text: str | float) -> float:
    """A size in bytes; infinity stands for none. There is no telling what a bare number is.

    Raises:
        ValueError: it is no such size.
    """
    if not isinstance(text, str):
        raise ValueError(f"expected {A_SIZE}")  # noqa: TRY004
    text = text.strip().lower()
    if text == NONE:
        return math.inf
    found = SIZE.fullmatch(text) if len(text) <= 40 else None
    unit = "" if found is None else found["unit"]
    size = 0 if found is None else float(found["n"]) * SIZES[unit if "b" in unit else f"{unit}b"]
    if not LEAST_BYTES <= size <= MOST_BYTES:
        raise ValueError(f"expected {A_SIZE}")
    return float(round(size))


def told_seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds == round(seconds) else f"{seconds:,.6g} s"


def told_bytes(size: float) -> str:
    """In the unit in which it is a round number, of 1,000s unless only 1,024s are."""
    for prefix in "tgm":
        for unit in (f"{prefix}b", f"{prefix}ib"):
            number = size / SIZES[unit]
            if number >= 1 and number == round(number, 3):
                return f"{number:g} {unit.upper().replace('I', 'i')}"
    unit = "GB" if size >= 1e9 else "MB"
    return f"{size / SIZES[unit.lower()]:.4g} {unit}"
