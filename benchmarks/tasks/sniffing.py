"""How a file seems to be written: a guess, for hints and for `reml init`; reading never guesses."""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice

from benchmarks.core.errors import DataError, UserError
from benchmarks.tasks.columns import read_sheet
from benchmarks.tasks.forms import EMPTY_NUMBERS, Form, Misread, content_of, delimiter_of

__all__ = ["Form", "sniff"]

LOOKED_AT = 200
"""So many rows tell what is between two fields."""
CANDIDATES = (",", ";", "\t", "|", " ")
MISSING = frozenset(
    {"n/a", "n.a.", "n.a", "na", "nd", "n.d.", "nan", "null", "none", "nil", "missing", "unknown"}
    | {".", "..", "...", "?", "??", "-", "--", "---", "–", "—", "*", "<na>", "nat", "\\n"}
    | {"#n/a", "#na", "#value!", "#div/0!", "#ref!", "#name?", "#num!", "#null!"}
)
"""Texts that stand for no value, in lower case, where the others of their column are numbers."""
SENTINELS = re.compile(r"-9{2,}(?:[.,](?:9+|0+))?")
WITH_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[+-]?[0-9]+\.")
WITH_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+")
NUMBER = re.compile(r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
DATE = re.compile(r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}(?:[ T][0-9:.,+Zz-]+)?")


def sniff(path: str) -> Form:
    """What the keys of a table have to say for this file to be read.

    Raises:
        DataError: the file cannot be read, or its suffix says nothing.
    """
    usual = delimiter_of(path)
    if not usual:
        return Form(missing=_missing(_cells_of(path), "."))
    content = content_of(path)
    encoding = _encoding(content)
    text = content.decode(encoding, "replace").removeprefix("\ufeff").replace("\0", "")
    delimiter = max(CANDIDATES, key=lambda it: (_fits(text, it), it == usual))
    if _fits(text, delimiter) == (0.0, False, 0):
        delimiter = usual
    rows = list(islice(_rows(text, delimiter), 1, None))
    width = max(map(len, rows), default=0)
    columns = [[row[i] for row in rows if i < len(row)] for i in range(width)]
    decimal = _decimal(columns, delimiter)
    return Form(delimiter, decimal, encoding, _missing(columns, decimal))


@contextmanager
def hinting(path: str, form: Form) -> Iterator[None]:
    """Where the file seems to be in another form than this, errors say which keys would read it."""
    try:
        yield
    except Misread as error:
        try:
            advice = _advice(error.cell, form, sniff(path), delimiter_of(path))
        except UserError:
            advice = ""
        raise DataError(f"{error}{advice}") from None


def _advice(cell: str | None, form: Form, seen: Form, usual: str) -> str:
    looks, keys = [], []
    if cell is None and seen.delimiter != (form.delimiter or usual):
        looks.append(f"split by {seen.delimiter!r}")
        keys.append(f"delimiter = {json.dumps(seen.delimiter)}")
    if seen.decimal != form.decimal and (keys or cell is not None):
        looks.append("with decimal commas" if seen.decimal == "," else "with decimal points")
        keys.append(f"decimal = {json.dumps(seen.decimal)}")
    if cell is None and codecs.lookup(seen.encoding) != codecs.lookup(form.encoding):
        looks.append(f"in {seen.encoding}")
        keys.append(f"encoding = {json.dumps(seen.encoding)}")
    if cell is not None and cell.strip() in seen.missing:
        texts = list(dict.fromkeys([*form.missing, *seen.missing]))
        looks.append(f"with {cell.strip()!r} for an empty cell")
        keys.append(f"missing = {json.dumps(texts, ensure_ascii=False)} and drop_missing = true")
    if not keys:
        return ""
    return (
        f"; the file looks as if {' '.join(looks)}: set {' and '.join(keys)}, or let "
        "`reml init FILE` write the matrix"
    )


def _cells_of(path: str) -> Iterator[Sequence[str]]:
    """The cells of each column of a file that is no text."""
    sheet = read_sheet(path)
    for place in range(len(sheet.names)):
        with suppress(DataError):  # lists, say
            yield sheet.cells(place).dropna().tolist()


def _encoding(content: bytes) -> str:
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if content.startswith(mark):
            return name
    for name, zero in (("utf-16-le", 1), ("utf-16-be", 0)):
        some = content[zero:1000:2]
        if some and some.count(0) > 0.9 * len(some):
            return name
    for name in ("utf-8", "cp1252"):
        try:
            content.decode(name)
        except UnicodeDecodeError:
            continue
        plainly = name == "utf-8" or any(0x80 <= byte < 0xA0 for byte in {*content})
        return name if plainly else "latin-1"
    return "latin-1"


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """The rows that are not blank, the header first; nothing where there is an error."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=delimiter == " "
    )
    try:
        for row in reader:
            if "".join(row).strip():
                yield [*row[:-1]] if delimiter == " " and not row[-1] else row
    except csv.Error:
        return


def _fits(text: str, delimiter: str) -> tuple[float, bool, int]:
    """How many rows have equally many fields, whether the header has as many, and how many."""
    header, *rows = list(islice(_rows(text, delimiter), LOOKED_AT)) or [[]]
    if not rows:
        return (1.0, True, len(header)) if len(header) > 1 else (0.0, False, 0)
    ((width, often),) = Counter(map(len, rows)).most_common(1)
    if width < 2 or len(header) < 2 or abs(width - len(header)) > 1:
        return 0.0, False, 0
    return often / len(rows), width == len(header), width


def _decimal(columns: Sequence[Sequence[str]], delimiter: str) -> str:
    """A comma where more cells are numbers with one than numbers with a point."""
    cells = [cell.strip() for column in columns for cell in column]
    commas = [cell for cell in cells if "," in cell and WITH_COMMA.fullmatch(cell)]
    if delimiter == "," and all(THOUSANDS.fullmatch(cell) for cell in commas):
        return "."
    points = sum(1 for cell in cells if "." in cell and WITH_POINT.fullmatch(cell))
    return "," if len(commas) > points else "."


def _missing(
    columns: Iterator[Sequence[str]] | Sequence[Sequence[str]], decimal: str
) -> tuple[str, ...]:
    """Texts among numbers and dates that mean no value, and numbers far off that do, sorted."""
    found: set[str] = set()
    for column in columns:
        counts = Counter(cell for it in column if (cell := it.strip()))
        numbers = {it: n for it, n in counts.items() if NUMBER.fullmatch(it) or DATE.fullmatch(it)}
        empty = {it for it in counts if it.lower() in MISSING}
        if not numbers or 2 * sum(numbers.values()) < sum(
            n for it, n in counts.items() if it not in empty
        ):
            continue
        found |= empty - {*EMPTY_NUMBERS}
        found |= _sentinels([it for it in numbers if NUMBER.fullmatch(it)], decimal)
    return tuple(sorted(found))


def _sentinels(numbers: Sequence[str], decimal: str) -> set[str]:
    """-999 and its like, twice as far below all other numbers as those are from each other."""
    suspects = {it for it in numbers if SENTINELS.fullmatch(it)}
    others = [_value(it, decimal) for it in numbers if it not in suspects]
    if not suspects or len(others) < 2:
        return set()
    low, high = min(others), max(others)
    return {it for it in suspects if _value(it, decimal) < low - 2 * (high - low)}


def _value(cell: str, decimal: str) -> float:
    try:
        return float(cell.replace(decimal, "."))
    except ValueError:
        return 0.0
