"""Text that others wrote (labels, messages, column names), as any terminal or page can show it."""

import re
import unicodedata

LINE = 300
"""So many characters a message of others may have where it is shown."""
TRACEBACK = 20_000
SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?"
)
"""What a terminal would obey: CSI, then OSC and its like, then single escapes."""
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def line(text: str, longest: int = LINE) -> str:
    """One line of at most so many characters, without what terminals, pages or XML choke on."""
    short = text[: 8 * longest]
    words = "".join(
        " " if symbol.isspace() else "�" if unseen(symbol) else symbol
        for symbol in SEQUENCES.sub("", short)
    )
    shown = " ".join(words.split())
    if len(shown) > longest or len(short) < len(text):
        return f"{shown[: longest - 1]}…"
    return shown


def unseen(symbol: str) -> bool:
    """Whether a character controls, hides or turns text, or is none: the two ends of each plane."""
    code = ord(symbol)
    none = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return none or unicodedata.category(symbol) in UNSEEN


def message(error: BaseException) -> str:
    """The first line of what an exception says; of one that cannot be printed, that."""
    try:
        said = str(error)
    except Exception:
        return "its message cannot be printed"
    first = next(
        (it for part in said[: 100 * LINE].splitlines() if (it := line(part))), "no message"
    )
    return first if len(said) <= 100 * LINE or first.endswith("…") else f"{first}…"


def described(error: BaseException) -> str:
    """`ValueError: what it says`."""
    return f"{line(type(error).__name__)}: {message(error)}"


def shortened(text: str, longest: int = TRACEBACK) -> str:
    """Many lines of which the middle is left out where they are too long; half a pair is spelled.

    Both ends matter in a traceback: where it began, and what was raised.
    """
    if len(text) > longest:
        half = longest // 2
        left = f"[... {len(text) - 2 * half:,} characters left out ...]"
        text = f"{text[:half]}\n{left}\n{text[-half:]}"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def clock(seconds: float) -> str:
    """Seconds as people say them: 4 s, 1 min 05 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
