r"""Tables as LaTeX; the document needs \usepackage{booktabs}."""

import re

from benchmarks.report.layout import Entry, Section, Sheet

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
    "×": r"$\times$",
    "−": r"$-$",
    "–": "--",
    "÷": r"$\div$",
}


def render(origin: str, guide: str, sections: tuple[Section, ...]) -> str:
    """One `table` environment a sheet; the caption of the first also says how to read them."""
    tables: list[str] = []
    for section in sections:
        for sheet in section.sheets:
            caption = [f"{section.heading}. {sheet.caption}", *section.remarks]
            if not tables:
                caption += [guide, origin]
            tables.append(_table(sheet, " ".join(filter(None, caption))))
    return "\n\n".join(tables) + "\n"


def escape(text: str) -> str:
    escaped = "".join(SYMBOLS.get(symbol, symbol) for symbol in " ".join(text.split()))
    return re.sub(r"`([^`]*)`", r"\\texttt{\1}", escaped)


def _table(sheet: Sheet, caption: str) -> str:
    aligned = "".join("l" if i in sheet.words else "r" for i in range(len(sheet.columns)))
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(caption)}}}",
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
