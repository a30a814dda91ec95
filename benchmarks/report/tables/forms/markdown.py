"""Tables as Markdown."""

from collections.abc import Iterator

from benchmarks.report.scores.markup import escape
from benchmarks.report.tables.layout import Entry, Section, Sheet


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
