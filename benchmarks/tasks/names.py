"""One name for what was written in two ways: a station must not be in train and in test."""

import re
import unicodedata
from collections import defaultdict
from decimal import Decimal

import pandas as pd

WIDTHS = frozenset({"<wide>", "<narrow>", "<compat>", "<noBreak>"})
"""Forms of a character that mean the same; the others, "x²" say, are no "x2"."""
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f\u2060\ufeff"))
WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")
NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?")


def plain(name: str) -> str:
    """The name without spaces around it, in one Unicode form (NFC), and `3` for `3.0`.

    Runs of spaces, of whatever kind, are one; invisible characters go. Case stays, and so do
    leading zeros: "03" may well be another than "3".
    """
    if not name.isascii():
        name = unicodedata.normalize("NFC", "".join(map(_usual, name))).translate(INVISIBLE)
    name = " ".join(name.split())
    whole = WHOLE.fullmatch(name)
    return whole[1] if whole else name


def _usual(character: str) -> str:
    form = unicodedata.decomposition(character).partition(" ")[0]
    return unicodedata.normalize("NFKC", character) if form in WIDTHS else character


def unified(column: "pd.Series[str]") -> tuple["pd.Series[str]", list[str]]:
    """The column's names made plain (what is all spaces is empty), and a word on those merged.

    The column itself comes back where all its names are plain.
    """
    written = list(column.dropna().unique())
    known = {name: plain(name) for name in written}
    changed = [name for name in written if known[name] != name]
    if not changed:
        return column, []
    renamed = column.map({name: known[name] or None for name in written}).astype("str")
    merged = len(written) - len({*known.values()})
    if not merged:
        return renamed, []
    names = "1 name that differs" if merged == 1 else f"{merged:,} names that differ"
    return renamed, [
        f"column {short(str(column.name))}: {names} from another only in spaces, Unicode form or "
        f"a final '.0' became one with it ({short(changed[0])} is {short(known[changed[0]])}, say)"
    ]


def lookalikes(column: "pd.Series[str]") -> list[str]:
    """A word on names that stay apart though they differ in case alone, or are one number."""
    alike: dict[object, list[str]] = defaultdict(list)
    for name in column.dropna().unique():
        alike[Decimal(name) if NUMBER.fullmatch(name) else name.casefold()].append(name)
    pairs = [names for names in alike.values() if len(names) > 1]
    if not pairs:
        return []
    first, second = sorted(pairs[0])[:2]
    more = f" ({len(pairs) - 1:,} more like them)" if len(pairs) > 1 else ""
    return [
        f"column {short(str(column.name))}: {short(first)} and {short(second)} count as two{more}"
    ]


def short(text: str, most: int = 60) -> str:
    """The text in quotes, control characters spelt out, and cut where it is long."""
    return repr(text) if len(text) <= most else f"{text[:most]!r}…"
