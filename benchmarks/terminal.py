"""Standard streams that take any text, and that fail with a sentence. Imports nothing slow."""

import codecs
import os
import sys
import unicodedata
from contextlib import suppress
from typing import TextIO

NEAREST = {
    **{"†": "+", "‡": "++", "≠": "!=", "≤": "<=", "≥": ">=", "×": "x", "÷": "/", "°": "deg "},
    **{"–": "-", "—": "-", "−": "-", "…": "...", "·": ".", "⚠": "!", "✓": "ok", "✗": "x"},
    **{"‘": "'", "’": "'", "“": '"', "”": '"', "→": "->"},
}
"""What stands for a symbol that a terminal's encoding lacks; ? for others, accents fall off."""


def prepare() -> None:
    """Let print write whatever the encoding, and nothing else be opened as standard output."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:  # closed by `>&-`: the next file to be opened would take its place
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    codecs.register_error("reml.nearest", _nearest)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="reml.nearest")


def say(text: str) -> None:
    """A line on standard error, if anybody can still get it."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        silence(sys.stderr)


def unwritable() -> OSError | None:
    """Write out what print has kept back; why that cannot be, if it cannot."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return error
    return None


def silence(stream: TextIO) -> None:
    """What is still to be written goes nowhere, so that the interpreter ends without complaint."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(map(_plain, wrong)), error.end


def _plain(symbol: str) -> str:
    bare = unicodedata.normalize("NFKD", symbol).encode("ascii", "ignore").decode("ascii")
    return NEAREST.get(symbol) or bare or "?"
