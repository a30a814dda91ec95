"""The pages of reference, made from the program itself: they cannot say what is not so."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.plan.explaining import Entry, Key, explain
from benchmarks.harness.plan.registry import Kind, Registry
from benchmarks.options import parser

HEADS: dict[Kind, tuple[str, str]] = {
    "learner": (
        "Learners",
        "Every learner and its keys in a `[[learner]]` table, as `reml help NAME` shows them. "
        "[What is compared](../learners.md) says which is what.",
    ),
    "family": (
        "Families",
        "Every family and its keys in a `[[family]]` table, as `reml help NAME` shows them.",
    ),
    "protocol": (
        "Protocols, key by key",
        "Every protocol and its keys in a `[[protocol]]` table, as `reml help NAME` shows them. "
        "[Protocols](../protocols.md) says what they are for.",
    ),
}
NAMES: dict[Kind, str] = {"learner": "learners", "family": "families", "protocol": "protocols"}


def pages() -> dict[str, str]:
    """The text of each page, by its name."""
    registry = Registry()
    made = {"matrix.md": "\n".join(_matrix(registry)), "cli.md": "\n".join(_commands())}
    for kind, (title, about) in HEADS.items():
        lines = [f"# {title}", "", about, ""]
        for name in registry.names(kind):
            lines += _entry(explain(registry, name, kind))
        made[f"{NAMES[kind]}.md"] = "\n".join(lines)
    return made


def write(folder: Path) -> None:
    """Write them, but for those that are there and the same: Sphinx reads again what is newer."""
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _matrix(registry: Registry) -> Iterator[str]:
    yield "# The keys of a matrix"
    yield ""
    yield "A matrix is a TOML file. [Your own data](../your-data.md) has whole ones."
    yield ""
    yield "## At the top"
    yield ""
    yield from _keys(explain(registry, "matrix").keys)
    for kind in HEADS:
        entry = explain(registry, registry.names(kind)[0], kind)
        yield f"## `[[{kind}]]`"
        yield ""
        if entry.common:
            yield f"Keys of every {kind}, beside its own in [{NAMES[kind]}]({NAMES[kind]}.md):"
            yield ""
            yield from _keys(entry.common)
        else:
            yield f"The keys depend on `kind`; see [{NAMES[kind]}]({NAMES[kind]}.md)."
            yield ""


def _entry(entry: Entry) -> Iterator[str]:
    yield f"## {entry.name}"
    yield ""
    yield entry.about
    yield ""
    yield from _keys(entry.keys)
    if entry.metrics:
        yield "What it tells of each task, beside its score:"
        yield ""
        yield from (f"- `{name}`: {meaning}" for name, meaning in entry.metrics)
        yield ""


def _keys(keys: tuple[Key, ...]) -> Iterator[str]:
    if not keys:
        yield "It has no keys of its own."
    for key in keys:
        default = "" if key.default == "required" else f" = {key.default}"
        needed = "; required" if key.default == "required" else ""
        yield f"`{key.name}{default}`"
        meaning = f". {key.meaning}" if key.meaning else ""
        yield f": *{_plain(key.range)}{needed}*{meaning}"
        yield ""
    yield ""


def _plain(text: str) -> str:
    return text.replace("*", "\\*").replace("_", "\\_")


def _commands() -> Iterator[str]:
    yield "# The command line"
    yield ""
    yield "What `reml COMMAND --help` says, of every command."
    yield ""
    top = parser()
    commands = next(it for it in top._actions if isinstance(it, argparse._SubParsersAction))
    for name, sub in commands.choices.items():
        yield f"## reml {name}"
        yield ""
        yield "```text"
        # how many processors this machine has is no part of the reference
        yield sub.format_help().rstrip()
        yield "```"
        yield ""
    yield str(top.epilog)
    yield ""


if __name__ == "__main__":
    write(Path(__file__).parent / "reference")
