"""Tables of text, read as they are written or not at all: nothing is shifted, nothing swallowed.

Rows are counted from 1 after the header, blank lines apart; lines from 1, as editors do.
"""

import csv
import io
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from benchmarks.core.errors import DataError
from benchmarks.tasks.forms import USUAL, Form, Misread, content_of, delimiter_of

WORDS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
LINE_END = re.compile(r"\r\n|\r|\n")


class Records(NamedTuple):
    """The fields of a file, as many in every row as in the header.

    Attributes:
        notes: what was left out, in words.
        reread: whether pandas, which used to read these files, would have shifted columns.
        lines: in which each row begins.
    """

    header: list[str]
    rows: list[list[str]]
    notes: tuple[str, ...] = ()
    reread: bool = False
    lines: Sequence[int] = ()


def read_csv(
    path: str, wanted: Collection[str], keys: Collection[str], form: Form = USUAL
) -> Records:
    """All fields as text.

    What is `wanted` of the columns is not all empty, and where all `keys` have the same values rows
    are of one task, of which there are several: this tells row names from fields too many.

    Raises:
        DataError: the file cannot be read, is in another encoding, or has a row whose fields do not
            match the header, an open quote or a NUL.
    """
    text, between = _text(path, form.encoding), form.delimiter or delimiter_of(path)
    header, rows, lines = _parsed(path, text, between)
    # R's and pandas' own name for a column without one
    names = [name or f"Unnamed: {i}" for i, name in enumerate(header)]
    width, widths = len(header), {len(row) for row in rows}
    if widths <= {width}:
        return Records(names, rows, lines=lines)
    if widths == {width - 1} and not header[-1]:  # the header alone ends in a comma
        return Records(names[:-1], rows, lines=lines)
    if len(widths) == 1 and min(widths) > width:
        empty = not any(field.strip() for row in rows for field in row[width:])
        maybe_names = min(widths) == width + 1 and _may_be_row_names([row[0] for row in rows])
        if empty and (not maybe_names or header[-1] in wanted):
            ends = WORDS.get(between, repr(between))
            note = f"every row ends in {ends}: the empty field after it was left out"
            return Records(names, [row[:width] for row in rows], (note,), True, lines)
        if (
            not empty
            and maybe_names
            and (
                _names_tasks(header, rows, keys) or _as_r_quotes(text, header, rows, lines, between)
            )
        ):
            note = "the first field of every row has no column: taken for R's row names"
            return Records(names, [row[1:] for row in rows], (note,), lines=lines)
    odd = next(i for i, row in enumerate(rows) if len(row) != width)
    raise Misread(
        f"{path}: row {odd + 1:,} (line {lines[odd]:,}) has {_fields(len(rows[odd]))}, and the "
        f"header has {width:,}; expected as many in every row"
    )


def _fields(number: int) -> str:
    return "1 field" if number == 1 else f"{number:,} fields"


def _text(path: str, encoding: str) -> str:
    content = content_of(path)
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Misread(
            f"{path}: is not a csv file ({error}, in line {line:,}); expected "
            f"{'UTF-8' if encoding == 'utf-8' else encoding}"
        ) from None
    except (LookupError, ValueError):
        raise DataError(
            f"{path}: encoding = {encoding!r} is none that Python knows; expected one like "
            "'utf-8', 'latin-1', 'cp1252' or 'utf-16'"
        ) from None
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Misread(f"{path}: is not a csv file (a NUL character in line {line:,})")
    return text


def _parsed(path: str, text: str, between: str) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the rows that are not blank, and the line in which each begins."""
    spaces = between == " "
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=between, skipinitialspace=spaces, strict=True
    )
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    begins = 1
    try:
        for record in reader:
            if spaces and len(record) > 1 and not record[-1]:  # at the end of a line
                record.pop()
            if not header:
                header = record if len(record) > 1 or "".join(record).strip() else []
            elif len(record) > 1 or len(header) == 1 or (record and record[0].strip()):
                rows.append(record or [""])
                lines.append(begins)
            if reader.line_num > begins and _swallows(record, len(header), between):
                raise csv.Error("a quoted field holds whole rows, as if its quote were left open")
            begins = reader.line_num + 1
    except csv.Error as error:
        what = str(error)
        if what == "unexpected end of data":
            what = "a quote is left open"
        elif what.endswith("expected after '\"'"):
            what = "text goes on after a closing quote, as if one were left open"
        row = len(rows) + (lines[-1:] != [begins])
        where = f"row {row:,} (line {begins:,})" if header else "the header"
        raise Misread(f"{path}: is not a csv file ({what}, in {where})") from None
    while rows and len(header) == 1 and not rows[-1][0]:
        rows.pop()
        lines.pop()
    if not header:
        raise DataError(f"{path}: is not a csv file (No columns to parse from file)")
    if not rows:
        raise DataError(f"{path}: holds no rows")
    return header, rows, lines


def _swallows(record: Sequence[str], width: int, between: str) -> bool:
    """Whether a field of several lines holds lines that look like rows of their own."""
    betweens = {width - 1, len(record) - 1} - {0}
    for field in record:
        _, *more = LINE_END.split(field)
        # a comma at its very end: what closed the quote was to open one
        if more and (
            field.endswith(between) or any(line.count(between) in betweens for line in more)
        ):
            return True
    return False


def _may_be_row_names(first: Sequence[str]) -> bool:
    """What R writes before its rows: their numbers, or names of which no two are the same."""
    if len(first) < 2 or len({*first}) < len(first):
        return False
    return all(field.isdecimal() or not _is_number(field) for field in first)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _names_tasks(header: list[str], rows: list[list[str]], keys: Collection[str]) -> bool:
    """Whether tasks have more than one row only if the first field is a name of its row."""
    if not keys or not {*keys} <= {*header}:
        return False
    places = [header.index(key) for key in keys]
    as_written = {tuple(row[i] for i in places) for row in rows}
    shifted = {tuple(row[i + 1] for i in places) for row in rows}
    return len(as_written) == len(rows) > len(shifted)


def _as_r_quotes(
    text: str, header: list[str], rows: list[list[str]], lines: Sequence[int], between: str
) -> bool:
    """Whether the rows' numbers and all of the header are in quotes: `"x","y"` and `"1",0.5,2`."""
    if [row[0] for row in rows] != [str(i) for i in range(1, len(rows) + 1)]:
        return False
    written = LINE_END.split(text)
    quoted = between.join(f'"{name}"' for name in header)
    return quoted in written and all(
        written[line - 1].startswith(f'"{row[0]}"') for line, row in zip(lines, rows, strict=True)
    )
