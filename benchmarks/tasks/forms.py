"""The forms that tables come in: by suffix, and by the keys for what a suffix leaves open."""

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.core.errors import DataError
from benchmarks.tasks.regular import read_regular

DELIMITERS = {
    ".csv": ",",
    ".tsv": "\t",
    ".txt": "\t",
}
SUFFIXES = (*DELIMITERS, *(f"{suffix}.gz" for suffix in DELIMITERS), ".parquet", ".xlsx")
EMPTY_NUMBERS = ("NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None")
"""What is an empty cell wherever numbers are expected."""


class Misread(DataError):
    """A file that other keys may well read.

    Attributes:
        cell: what was to be a number; None where the file as a whole is otherwise than expected.
    """

    def __init__(self, message: str, cell: str | None = None) -> None:
        super().__init__(message)
        self.cell = cell


class Form(NamedTuple):
    """How a file of text is written.

    Attributes:
        delimiter: what is between two fields; empty for that of the suffix. A space stands for any
            number of them.
        decimal: what is before the decimals of a number.
        encoding: what Python calls the file's encoding.
        missing: texts that mean an empty cell, further to `EMPTY_NUMBERS`.
    """

    delimiter: str = ""
    decimal: str = "."
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()


USUAL = Form()


def form_of(fields: Mapping[str, Any]) -> Form:
    """What the keys of a matrix say of a file's form."""
    form = Form(**{key: fields.get(key, usual) for key, usual in USUAL._asdict().items()})
    return form._replace(missing=tuple(map(str, form.missing)))


def suffix_of(path: str) -> str:
    """One of the `SUFFIXES`.

    Raises:
        DataError: it is none of them.
    """
    name = Path(path).name.lower()
    suffix = next((it for it in sorted(SUFFIXES, key=len, reverse=True) if name.endswith(it)), "")
    if not suffix:
        raise DataError(
            f"{path}: expected a file that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        )
    return suffix


def delimiter_of(path: str) -> str:
    """What the suffix says; empty where the file is none of text."""
    return DELIMITERS.get(suffix_of(path).removesuffix(".gz"), "")


def content_of(path: str) -> bytes:
    """The bytes of a file, unpacked where its suffix says that it is packed.

    Raises:
        DataError: it cannot be read, or is no gzip file though it is called one.
    """
    content = read_regular(path)
    if not path.lower().endswith(".gz"):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: is not a gzip file ({error})") from None
