"""`reml watch` on a terminal: a display that follows the folder, and plain lines elsewhere."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich import box
from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from benchmarks.core.text import clock, count
from benchmarks.report.tables.forms.markdown import section_blocks
from benchmarks.report.tables.layout import Entry, Section, Sheet
from benchmarks.watching.provisional import tables_of
from benchmarks.watching.snapshot import Now, Snapshot
from benchmarks.watching.view import Viewer, spark

LOOK_SECONDS = 1.0
RESTS = 4.0
"""So many times as long as it took to look at a folder, it is left alone."""
PLAIN_SECONDS = 5.0
MOST_FAILED = 5
MOST_RUNNING = 12
SPARK = 24
NARROW = 16
COUNTS = ("seeds", "tasks")
"""Columns that are left out first."""
NOT_FINAL = "so far, not final"


def watch_here(directory: Path, console: Console) -> Snapshot:
    """Show the run until it is over, or where there is no terminal until nothing runs any more.

    Raises:
        StoreError: there is no such folder, or it holds no results.
    """
    viewer = Viewer(directory)
    found = viewer.run()
    if not found.over:
        found = _live(viewer, console) if console.is_terminal else _plain(viewer, found, console)
    for it in _report(found, directory, console):
        console.print(it, soft_wrap=isinstance(it, Text))
    return found


def _live(viewer: Viewer, console: Console) -> Snapshot:
    with Live(console=console, auto_refresh=False, transient=True, screen=False) as live:
        while True:
            started = time.monotonic()
            view = viewer.look()
            live.update(Group(*_shown(view.run, view.tables.sections, console)), refresh=True)
            if view.final:
                return view.run
            time.sleep(max(LOOK_SECONDS, RESTS * (time.monotonic() - started)))


def _plain(viewer: Viewer, found: Snapshot, console: Console) -> Snapshot:
    """A line when something has changed, and one every few seconds."""
    said, last = "", 0.0
    while found.alive:
        if said != (said := found.state) or time.monotonic() - last >= PLAIN_SECONDS:
            last = time.monotonic()
            going = "; ".join(
                f"{it.title}: {it.fraction:.0%} {it.text}".rstrip() for it in found.running
            )
            console.print(Text(f"{said} ({going})"), soft_wrap=True)
        time.sleep(LOOK_SECONDS)
        found = viewer.run()
    return found


def _report(found: Snapshot, directory: Path, console: Console) -> Iterator[ConsoleRenderable]:
    """What there is to say when nobody watches any longer."""
    yield Text(f"{found.name}: {found.state}")
    yield from map(_failure, found.failed[:MOST_FAILED])
    yield from map(_trouble, (it for it in found.running if it.trouble))
    if not found.over:
        yield Text(f"`reml run` goes on from here; `reml status {directory}` says what is missing")
    tables = tables_of(directory)
    for section in tables.sections:
        mark = "" if found.over else NOT_FINAL
        if console.is_terminal:
            yield _table(section.heading, section.sheets[0], mark, console.width)
        else:
            heading = f"{section.heading} ({mark})" if mark else section.heading
            yield Text("\n\n".join(["", *section_blocks(replace(section, heading=heading))]))
    if tables.more:
        yield Text(f"and {count(tables.more, 'table')} more: `reml table {directory}`")
    if tables.trouble:
        yield Text(tables.trouble)


def _shown(
    run: Snapshot, sections: Sequence[Section], console: Console
) -> Iterator[ConsoleRenderable]:
    """The display, in no more lines than there are; what does not fit is counted."""
    yield Text(f"{run.name}: {run.state}", style="bold")
    bar = Table.grid()
    bar.add_row(ProgressBar(total=1.0, completed=run.fraction, width=60))
    yield bar
    used = 2
    going = run.running[:MOST_RUNNING]
    if going:
        yield _running(going)
        used += len(going) + (len(run.running) > len(going))
    if len(run.running) > len(going):
        yield Text(f"and {len(run.running) - len(going)} more run", style="dim")
    for it in run.failed[-MOST_FAILED:]:
        yield _failure(it)
        used += 1
    for section in sections:
        sheet = section.sheets[0]
        if used + len(sheet.rows) + 5 > console.height:
            yield Text("more tables do not fit here; --web shows them", style="dim")
            break
        used += len(sheet.rows) + 5
        yield _table(section.heading, sheet, NOT_FINAL, console.width)


def _running(going: Sequence[Now]) -> Table:
    table = Table.grid(padding=(0, 1))
    for it in going:
        told = Text(it.trouble, style="yellow") if it.trouble else Text(it.text, style="dim")
        table.add_row(
            Text(it.title, no_wrap=True),
            ProgressBar(total=1.0, completed=it.fraction, width=16),
            Text(f"{it.fraction:4.0%} {clock(it.seconds)}", no_wrap=True),
            Text(spark(it.curve, SPARK), style="cyan", no_wrap=True),
            told,
        )
    return table


def _failure(it: tuple[str, str]) -> Text:
    return Text(f"✗ {it[0]}: {it[1]}", style="red", no_wrap=True, overflow="ellipsis")


def _trouble(it: Now) -> Text:
    return Text(f"– {it.title}, on {it.host}: {it.trouble}", style="yellow")


def _table(heading: str, sheet: Sheet, mark: str, width: int) -> Table:
    """Who it is about, and as many of the last columns as there is room for."""
    texts = [[f"{it.text} {it.detail}".rstrip() for it in row] for row in (sheet.rows)]
    needed = [max(map(len, it)) + 3 for it in zip(sheet.columns, *texts, strict=True)]
    needed[0] = min(needed[0], max(NARROW, width // 3))
    counts = [place for place, name in enumerate(sheet.columns) if name in COUNTS]
    shown = [0]
    for place in (*(it for it in range(len(needed) - 1, 0, -1) if it not in counts), *counts):
        if sum(needed[it] for it in (*shown, place)) > width:
            break
        shown.append(place)
    shown.sort()
    left_out = len(needed) - len(shown)
    caption = (
        f"{sheet.caption} {count(left_out, 'column')} left out." if left_out else sheet.caption
    )
    table = Table(
        title=Text(f"{heading} ({mark})" if mark else heading, style="bold"),
        caption=Text(caption),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    for place in shown:
        table.add_column(
            Text(sheet.columns[place]),
            justify="left" if place in sheet.words else "right",
            no_wrap=place > 0,
        )
    for row in sheet.rows:
        table.add_row(*(_cell(row[place]) for place in shown))
    return table


def _cell(it: Entry) -> Text:
    return Text.assemble((it.text, "bold" if it.bold else ""), (f" {it.detail}".rstrip(), "dim"))
