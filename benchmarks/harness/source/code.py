"""Of which code somebody else's learner or family is: a hash of all that belongs to it."""

import ast
import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

OURS = frozenset({"benchmarks", "baselines", "reml"})
DISTRIBUTION = "reml-bench"
ROOT = Path(__file__).parents[3]
TRAINED_BY = (
    *("reml", "baselines", "benchmarks/core", "benchmarks/networks", "benchmarks/tasks"),
    "benchmarks/harness/trial",
)


def code_of_file(path: Path) -> str:
    """Of a plugin file: its own, its package's, and that of what it imports from beside it."""
    base, files = files_of(path)
    if len(files) == 1:
        return _digest([path.read_bytes()])
    named = sorted((file.relative_to(base).as_posix(), file) for file in files)
    return _digest([part for name, file in named for part in (name.encode(), file.read_bytes())])


def files_of(path: Path) -> tuple[Path, set[Path]]:
    """All files that a plugin file needs of those around it, and the folder they lie in."""
    path = path.resolve()
    package = _package(path.parent)
    files = {path, *(() if package is None else _sources(package))}
    roots = {path.parent, *(() if package is None else (package.parent,))}
    unread = list(files)
    while unread:
        imported = {file for root in roots for file in _imported(unread.pop(), root)}
        unread += imported - files
        files |= imported
    return path.parent if package is None else package.parent, files


def code_of_entry(entry: Any) -> str:
    """Of an installed package that is not this one; empty of this one, which has versions."""
    name = entry.module.partition(".")[0]
    if name in OURS or (entry.dist is not None and entry.dist.name == DISTRIBUTION):
        return ""
    spec = find_spec(name)
    if spec is None:
        return ""
    folders = [Path(it) for it in spec.submodule_search_locations or ()]
    files = [file for folder in folders for file in _sources(folder)]
    if not files and spec.origin is not None and Path(spec.origin).is_file():
        files = [Path(spec.origin)]
    return _digest([file.read_bytes() for file in sorted(files)])


def code_of_training() -> str:
    """Of what of this package may change what training comes to: learners, families and layers."""
    files = [file for part in TRAINED_BY for file in _sources(ROOT / part)]
    named = sorted((file.relative_to(ROOT).as_posix(), file) for file in files)
    return _digest([part for name, file in named for part in (name.encode(), file.read_bytes())])


def _digest(parts: list[bytes]) -> str:
    hashed = hashlib.sha256()
    for part in parts:
        if len(parts) > 1:
            hashed.update(f"{len(part)} ".encode())
        hashed.update(part)
    return hashed.hexdigest()[:12]


def _package(folder: Path) -> Path | None:
    """The outermost folder of the package that `folder` is part of, if it is one."""
    outermost = None
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        outermost, folder = folder, folder.parent
    return outermost


def _sources(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*.py") if file.is_file())


def _imported(path: Path, root: Path) -> Iterator[Path]:
    """The files under `root` that a file imports, wherever in it; all of a package."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return
    for name in _names(tree):
        if name in OURS:
            continue
        if (module := root / f"{name}.py").is_file():
            yield module
        if (folder := root / name).is_dir():
            yield from _sources(folder)


def _names(tree: ast.AST) -> Iterator[str]:
    """The first parts of the names of all modules that are imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
