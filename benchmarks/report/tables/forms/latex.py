r"""Tables as LaTeX; the document needs \usepackage{booktabs}."""

import re
from collections.abc import Iterator

from benchmarks.report.tables.layout import Entry, Section, Sheet

SYMBOLS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "†": r"$^\dagger$",
    "‡": r"$^\ddagger$",
    "⚠": r"$\triangle$",
    "°": r"$^\circ$",
    "²": r"$^2$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "§": r"\S{}",
    "×": r"$\times$",
    "−": r"$-$",
    "–": "--",
    "÷": r"$\div$",
    "`": r"\textasciigrave{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
}
CODE = re.compile(r"(`+)(.+?)\1(?!`)")


def render(origin: str, guide: str, sections: tuple[Section, ...]) -> str:
    """One `table` environment a sheet; the caption of the first also says how to read them."""
    tables: list[str] = []
    for section in sections:
        for sheet in section.sheets:
            caption = [
                escape(it) for it in (f"{section.heading}. {sheet.caption}", *section.remarks)
            ]
            if not tables:
                caption += [_prose(guide), _prose(origin)]
            tables.append(_table(sheet, " ".join(filter(None, caption))))
    return "\n\n".join(tables) + "\n"


def escape(text: str) -> str:
    """Text that comes out as it is; at the start of a row, [ and * are none of the row before."""
    return re.sub(r"^[\[*]", r"{\g<0>}", _symbols(" ".join(text.split())))


def _prose(text: str) -> str:
    """The same, but for what stands in backticks: it is code."""
    words, *rest = CODE.split(text)
    codes = (
        rf"\texttt{{{_symbols(code.strip())}}}{_symbols(after)}" for code, after in _pairs(rest)
    )
    return _symbols(words) + "".join(codes)


def _pairs(rest: list[str]) -> Iterator[tuple[str, str]]:
    """Of what follows the first words: backticks, code, words and so on."""
    return zip(rest[1::3], rest[2::3], strict=True)


def _symbols(text: str) -> str:
    dashes = re.sub(r"-(?=-)", "-{}", text).split("-{}")  # two are no longer dash
    return "-{}".join("".join(SYMBOLS.get(it, it) for it in part) for part in dashes)


def _table(sheet: Sheet, caption: str) -> str:
    aligned = "".join("l" if i in sheet.words else "r" for i in range(len(sheet.columns)))
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{caption}}}",
        rf"  \begin{{tabular}}{{{aligned}}}",
        r"    \toprule",
        _row([escape(column) for column in sheet.columns]),
        r"    \midrule",
        *(_row([_entry(entry) for entry in row]) for row in sheet.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)


def _row(texts: list[str]) -> str:
    return "    " + " & ".join(texts) + r" \\"


def _entry(entry: Entry) -> str:
    text = escape(entry.text)
    text = rf"\textbf{{{text}}}" if entry.bold else text
    return f"{text} {escape(entry.detail)}" if entry.detail else text
