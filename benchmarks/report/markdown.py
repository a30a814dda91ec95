"""Tables as Markdown."""

import re
from collections.abc import Iterator

from benchmarks.report.layout import Entry, Section, Sheet


def render(title: str, origin: str, guide: str, sections: tuple[Section, ...]) -> str:
    """One document: a title, where the numbers come from, how to read them, and the tables."""
    blocks = [f"# {escape(title)}", origin, guide]
    for section in sections:
        blocks += section_blocks(section)
    return "\n\n".join(filter(None, blocks)) + "\n"


def section_blocks(section: Section, level: int = 2) -> Iterator[str]:
    yield f"{'#' * level} {escape(section.heading)}"
    for sheet in section.sheets:
        yield escape(sheet.caption)
        yield _table(sheet)
    if section.remarks:
        yield "\n".join(f"- {escape(remark)}" for remark in section.remarks)


def escape(text: str) -> str:
    """What Markdown would take for markup, links or formulas in a table or a line of text."""
    text = " ".join(text.split())
    text = re.sub(r"([\\|*<>`~$]|(?<!\w)_|_(?!\w)|\](?=[(\[:])|&(?=[#\w]+;))", r"\\\1", text)
    text = re.sub(r"^([-+=](?= |$)|#+(?= |$)|\d+(?=[.)](?: |$)))", _not_a_block, text)
    return re.sub(r"(?<= )(#+)$", r"\\\1", text)


def _not_a_block(start: re.Match[str]) -> str:
    """At the start of a line, no list item or heading."""
    return f"{start[0]}\\" if start[0].isdigit() else f"\\{start[0]}"


def code(text: str) -> str:
    """Text in code type, where nothing is markup but as many backticks as it begins with."""
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def _table(sheet: Sheet) -> str:
    header = [escape(column) for column in sheet.columns]
    rows = [[_entry(entry) for entry in row] for row in sheet.rows]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    rule = [
        "-" * width if i in sheet.words else "-" * (width - 1) + ":"
        for i, width in enumerate(widths)
    ]
    return "\n".join(
        "| "
        + " | ".join(
            text.ljust(width) if i in sheet.words else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in [header, rule, *rows]
    )


def _entry(entry: Entry) -> str:
    text = escape(entry.text)
    text = f"**{text}**" if entry.bold else text
    return f"{text} {entry.detail}" if entry.detail else text
