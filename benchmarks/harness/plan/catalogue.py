"""What `reml list` shows: everything that a matrix can name, and the matrices there are."""

from benchmarks.core.errors import UserError
from benchmarks.harness.plan.matrix_file import bundled, read_toml
from benchmarks.harness.plan.registry import Kind, Registry

KINDS: tuple[tuple[str, Kind], ...] = (
    ("Learners", "learner"),
    ("Families", "family"),
    ("Protocols", "protocol"),
)


def catalogue(registry: Registry) -> str:
    """Learners, families, protocols and bundled matrices, each with a line about it."""
    sections = [
        (title, [(name, _about(registry, kind, name)) for name in registry.names(kind)])
        for title, kind in KINDS
    ]
    sections.append(
        (
            "Matrices",
            [(name, str(read_toml(path).get("title", ""))) for name, path in bundled().items()],
        )
    )
    width = max(len(name) for _, rows in sections for name, _ in rows)
    lines = []
    for title, rows in sections:
        lines.append(title)
        lines += [f"  {name:{width}}  {about}".rstrip() for name, about in rows]
    return "\n".join(lines)


def _about(registry: Registry, kind: Kind, name: str) -> str:
    """One line: the docstring's first, and what a preset changes; or why it can't be used."""
    try:
        about, fields = registry.about(kind, name)
    except UserError as error:
        return f"(cannot be used: {error})"
    preset = ", ".join(f"{key} = {value!r}" for key, value in fields.items())
    return f"{about} [{preset}]" if preset else about
