"""Dates, times and times of day as numbers: read where they can mean but one moment."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.core.errors import DataError
from benchmarks.tasks.forms import Misread
from benchmarks.tasks.names import short

TIME = (
    r"(?:[T ]\s*(?P<time>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)"
    r"\s*(?P<half>[AaPp][Mm])?\s*(?P<zone>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
YEAR, DAY = r"(?P<year>[0-9]{4})", r"(?P<{}>[0-9]{{1,2}})"
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WORD = r"(?P<word>[A-Za-z]{3,9})\.?"
PATTERNS = [
    re.compile(pattern + TIME)
    for pattern in (
        rf"{YEAR}(?P<sign>[-/.]){DAY.format('month')}(?P=sign){DAY.format('day')}",
        rf"{YEAR}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})",
        rf"{YEAR}-(?P<month>[0-9]{{2}})",
        rf"{DAY.format('day')}\.?[ -]{WORD},?[ -]{YEAR}",
        rf"{WORD} {DAY.format('day')},? {YEAR}",
    )
]
EITHER = re.compile(rf"{DAY.format('one')}(?P<sign>[-/.]){DAY.format('two')}(?P=sign){YEAR}{TIME}")
"""Day before month, or month before day."""
CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?")
ORDERS = ("dd/mm/yyyy", "mm/dd/yyyy")
MIDNIGHT = "hours since midnight"
NAME = re.compile(rf"(.*) \((?:days since (.{{10}})(?:, ({'|'.join(ORDERS)}))?|{MIDNIGHT})\)", re.S)
"""What an input made of dates is called."""
DATES = "dates like 2020-12-31, or times like 2020-12-31 23:59 or 23:59"


class Moments(NamedTuple):
    """When the rows of a column were.

    Attributes:
        values: datetime64 in UTC, or timedelta64 since midnight.
        order: one of the `ORDERS` where it is what told days from months, else empty.
    """

    values: np.ndarray
    order: str = ""


class Origin(NamedTuple):
    """Where days count from: a date, or nothing for times of day; and the order of `Moments`."""

    date: str = ""
    order: str = ""

    def numbers(self, values: np.ndarray) -> np.ndarray:
        if values.dtype.kind == "m":
            return values / np.timedelta64(1, "h")
        return (values - np.datetime64(self.date)) / np.timedelta64(1, "D")

    def name(self, column: str) -> str:
        if not self.date:
            return f"{column} ({MIDNIGHT})"
        return f"{column} (days since {self.date}{', ' * bool(self.order)}{self.order})"


def origin_of(moments: Moments, train: np.ndarray) -> Origin:
    """The first day of the training split."""
    if moments.values.dtype.kind == "m":
        return Origin()
    return Origin(str(moments.values[train].min().astype("datetime64[D]")), moments.order)


def parted(name: str) -> tuple[str, Origin] | None:
    """The column and the origin that `Origin.name` made an input's name of, if it did."""
    match = NAME.fullmatch(name)
    return match and (match[1], Origin(match[2] or "", match[3] or ""))


def is_date(cell: str) -> bool:
    cell = cell.strip()
    return any(it.fullmatch(cell) for it in (*PATTERNS, EITHER, CLOCK))


def to_dates(path: str, column: "pd.Series[str]", order: str = "") -> Moments:
    """The column's cells as moments; `order` is how days and months are told, where that is known.

    Raises:
        DataError: a cell is none, or may be two; some have a time zone and others have none.
    """
    written = column.str.strip()
    if all(CLOCK.fullmatch(cell) for cell in written.unique()):
        return Moments(_parsed(path, column, {it: _clock(it) for it in written.unique()}))
    either = [match for cell in written.unique() if (match := EITHER.fullmatch(cell))]
    if either and not order:
        order = _order(path, column, either)
    moments = {cell: _moment(cell, order) for cell in written.unique()}
    zoned = {cell for cell, (text, zone) in moments.items() if text and zone}
    plain = {cell for cell, (text, zone) in moments.items() if text and not zone}
    if zoned and plain:
        first = {min(zoned), min(plain)}
        raise DataError(
            f"{path}: column {column.name!r} holds {' and '.join(map(short, sorted(first)))}, of "
            "which one has a time zone; expected one in all rows or in none"
        )
    texts = {cell: text for cell, (text, _) in moments.items()}
    return Moments(_parsed(path, column, texts), order if either else "")


def _parsed(path: str, column: "pd.Series[str]", texts: dict[str, str | None]) -> np.ndarray:
    """The texts for cells as moments."""
    known = pd.Series(texts, dtype="str")
    moments: np.ndarray
    if known.str.startswith("PT").all():
        moments = pd.to_timedelta(known.str.slice(2), errors="coerce").to_numpy("timedelta64[us]")
    else:
        times = pd.to_datetime(known, format="ISO8601", utc=True, errors="coerce")
        moments = times.dt.tz_localize(None).to_numpy("datetime64[us]")
    values: np.ndarray = moments[known.index.get_indexer(pd.Index(column.str.strip()))]
    bad = np.isnat(values)
    if bad.any():
        at = int(bad.argmax())
        more = f" and in {bad.sum() - 1:,} more rows something like it" if bad.sum() > 1 else ""
        raise Misread(
            f"{path}: column {column.name!r} holds {short(column.iloc[at])} in row "
            f"{int(column.index[at]) + 1:,}{more}; expected {DATES}",
            column.iloc[at],
        )
    return values


def _clock(cell: str) -> str:
    return f"PT{cell}" if cell.count(":") == 2 else f"PT{cell}:00"


def _order(path: str, column: "pd.Series[str]", found: list["re.Match[str]"]) -> str:
    """Which of the `ORDERS` all dates can have; the first where points are between their parts.

    Raises:
        DataError: both, or none.
    """
    if all(it["sign"] == "." for it in found):
        return ORDERS[0]
    apart = [it for it in found if it["one"] != it["two"]]
    may = [all(int(it[month]) <= 12 for it in apart) for month in ("two", "one")]
    if all(may) and apart:
        raise DataError(
            f"{path}: column {column.name!r} holds dates like {apart[0][0]!r}, of which none tells "
            "the day from the month; expected dates like 2020-12-31"
        )
    if not any(may):
        one, two = (next(it[0] for it in apart if int(it[month]) > 12) for month in ("one", "two"))
        raise DataError(
            f"{path}: column {column.name!r} holds {one!r}, where the day comes first, and "
            f"{two!r}, where the month does; expected dates like 2020-12-31"
        )
    return ORDERS[may.index(True)]


def _moment(cell: str, order: str) -> tuple[str | None, bool]:
    """A date as ISO 8601 has it, None where it is none; and whether it has a time zone."""
    match = next((it for form in PATTERNS if (it := form.fullmatch(cell))), None)
    match = match or EITHER.fullmatch(cell)
    if match is None:
        return None, False
    parts = {"month": "", "day": "1", **match.groupdict()}
    if "one" in parts:
        names = ("day", "month") if order == ORDERS[0] else ("month", "day")
        parts |= dict(zip(names, (match["one"], match["two"]), strict=True))
    if "word" in parts:
        word = match["word"].lower()[:3]
        parts["month"] = str(MONTHS.index(word) + 1 if word in MONTHS else 13)
    hours, *more = (match["time"] or "0:00").replace(",", ".").split(":")
    hour = int(hours)
    if match["half"]:
        if not 1 <= hour <= 12:
            return None, False
        hour = hour % 12 + 12 * (match["half"].lower() == "pm")
    zone = match["zone"] or ""
    text = f"{parts['year']}-{int(parts['month']):02}-{int(parts['day']):02}T{hour:02}:" + ":".join(
        more
    )
    return text + (zone if zone[:1] in "+-" else "Z"), bool(zone)
