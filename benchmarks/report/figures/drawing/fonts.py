"""Letters that the usual font does not have: which fonts here have them, and which nobody has."""

import logging
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

from benchmarks.report.figures.drawing.panel import Every

log = logging.getLogger("matplotlib.font_manager")
FONT = "DejaVu Sans"
PREFERRED = ("Noto Sans", "Source Han", "WenQuanYi", "Droid Sans", "Liberation", "Arial", "Symbola")
"""What the names of fonts that are tried first begin with."""
NONE = ("Last Resort", "cm", "STIXNonUnicode", "STIXSize")
"""And of those that draw boxes, or other signs in the place of letters."""
SHOWN = 12
UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Cs"})
"""Categories of characters that need no picture of their own."""


def fallbacks(texts: Iterable[str]) -> tuple[str, ...]:
    """The fonts on this machine that have what the usual one lacks, as few as will do."""
    lacking, found = missing("".join(texts)), list[str]()
    for name in _others() if lacking else ():
        there = {letter for letter in lacking if ord(letter) in _letters(name)}
        if there:
            found.append(name)
            lacking -= there
        if not lacking:
            break
    return tuple(found)


def missing(text: str, fonts: Iterable[str] = ()) -> set[str]:
    """The letters of a text that neither the usual font nor one of these has."""
    known = _letters(FONT).union(*map(_letters, fonts))
    return {it for it in text if ord(it) not in known and unicodedata.category(it) not in UNSEEN}


def lacking_in(figure: Figure, fonts: Iterable[str] = ()) -> set[str]:
    """The letters of a figure for which there will be boxes."""
    said: list[str] = []
    for it in figure.findobj(lambda it: isinstance(it, Text | Every)):
        said += it.labels if isinstance(it, Every) else [it.get_text()]  # type: ignore[attr-defined]
    return missing("".join(said), fonts)


def boxes(letters: set[str]) -> str:
    """One sentence on letters that no font has; empty where there are none."""
    lacking = sorted(letters)
    if not lacking:
        return ""
    more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
    shown = " ".join(f"{it} (U+{ord(it):04X})" for it in lacking[:SHOWN])
    return (
        f"no font on this machine has {shown}{more}; boxes stand for them until one is installed "
        "that has (a Noto font, say)"
    )


def _others() -> Iterator[str]:
    """The names of all other fonts, those meant for text in many scripts first."""
    there = {it.name for it in fontManager.ttflist} - {FONT}
    yield from sorted(
        (it for it in there if not it.startswith(NONE)),
        key=lambda it: (not it.startswith(PREFERRED), it),
    )


@cache
def _letters(name: str) -> frozenset[int]:
    """Those of the font that plain texts are drawn with; a bold or a light one may have fewer."""
    level = log.level
    log.setLevel(logging.ERROR)  # what is not plain would be said here, of fonts nobody asked for
    try:
        found = findfont(FontProperties(family=[name]), fallback_to_default=False)
        return frozenset(get_font(found).get_charmap())
    # a weight that has no name here; pictures of letters, which cannot be drawn
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        return frozenset()
    finally:
        log.setLevel(level)
