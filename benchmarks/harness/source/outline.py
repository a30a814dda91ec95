"""A class as its source declares it: docstring, fields and constants, without what it imports.

Importing a learner imports torch, which takes seconds; to say which keys it has, or that a key is
wrong, takes none of it. Only class statements of this project are read so, without their methods.
What they name (a type, a constant) is looked up in the source of the module it is from, and
imported only from modules that take no time.
"""

import ast
import builtins
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, cast

from benchmarks.harness.source.code import OURS

QUICK = frozenset({"annotated_types", "pydantic", "typing_extensions"})
"""Packages beside Python's own that are imported as they are."""
OUR_QUICK = frozenset(
    (
        "reml.space",
        *(f"benchmarks.core.{it}" for it in ("declaration", "kinds", "protocol", "search")),
    )
)
IMPORT = re.compile(r"^(?:from|import) ([a-z][\w.]*)(?: import .*| as \w+)?$", re.MULTILINE)
"""To parse the modules, too, which only these lines are wanted of, would take half a second."""
REQUIRED = re.compile(r"^REQUIRES = \(([^)]*)\)$", re.MULTILINE)
"""The packages without which a module says, when it is imported, what to install."""


class Unread(Exception):
    """The source does not tell."""


def outline(value: str) -> type | None:
    """The class of an entry point, `module:Class`; None where it takes an import to know it.

    That is so for classes of other projects, for what their source makes too hard, and where it
    imports something that is not installed, so that importing it says what is missing.
    """
    module, _, name = value.partition(":")
    if module.partition(".")[0] not in OURS:
        return None
    try:
        if any(_missing(it) for it in _needed(module)):
            return None
        found = _source(module)[name]
    except Exception:  # whatever a source holds: it is imported then, and what is wrong is said
        return None
    return found if isinstance(found, type) else None


def summary(value: str, name: str) -> tuple[str, Mapping[str, Any]] | None:
    """The docstring's first line and what `name` presets; sooner than by an outline.

    None where it takes more than the class statement itself to know them.
    """
    module, _, wanted = value.partition(":")
    if module.partition(".")[0] not in OURS:
        return None
    try:
        if any(_missing(it) for it in _needed(module)):
            return None
        source = _source(module)
        node = next(it for it in source.tree.body if getattr(it, "name", "") == wanted)
        assert isinstance(node, ast.ClassDef)
        constants = {
            it.target.id: source.value(it.value)
            for it in node.body
            if isinstance(it, ast.AnnAssign) and isinstance(it.target, ast.Name)
            if it.value is not None and it.target.id in ("name", "presets")
        }
        presets = {constants["name"]: {}, **constants.get("presets", {})}
        return (ast.get_docstring(node) or "").partition("\n")[0], presets[name]
    except Exception:  # as in `outline`
        return None


class _Elsewhere:
    """Stands for what comes from modules that are not looked into."""

    def __class_getitem__(cls, _: Any) -> "type[_Elsewhere]":
        return cls


@dataclass
class _Source(Mapping[str, Any]):
    """The names of a module, each worked out when it is asked for."""

    module: str
    tree: ast.Module
    known: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        if name not in self.known:
            if hasattr(builtins, name) and name not in self._bound():
                raise KeyError(name)  # Python looks there next
            self.known[name] = self._made(name)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bound())

    def __len__(self) -> int:
        return len(self._bound())

    def _bound(self) -> Mapping[str, ast.stmt]:
        return _bindings(self.tree)

    def _made(self, name: str) -> Any:
        node = self._bound().get(name)
        if isinstance(node, ast.ImportFrom):
            original = next(it.name for it in node.names if name in (it.asname, it.name))
            return _from(node.module or "", original)
        if isinstance(node, ast.Import):
            alias = next(it for it in node.names if name in (it.asname, it.name))
            return importlib.import_module(alias.name) if _quick(alias.name) else _Elsewhere
        if isinstance(node, ast.ClassDef):
            return self._class(node)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            return self.value(node.value)
        raise Unread(f"{self.module}: {name}")

    def value(self, node: ast.expr) -> Any:
        code = compile(ast.Expression(node), self.module, "eval")
        return eval(code, {"__builtins__": builtins, "__name__": self.module}, self)

    def _class(self, node: ast.ClassDef) -> type:
        """The class without its methods; a constant that cannot be worked out is left out."""
        inside: dict[str, Any] = {"__module__": self.module, "__qualname__": node.name}
        inside |= {"__doc__": ast.get_docstring(node, clean=False), "__annotations__": {}}
        scope = _Inner(self, inside)
        for it in node.body:
            if isinstance(it, ast.AnnAssign) and isinstance(it.target, ast.Name):
                self._declare(it.target.id, it, scope)
            elif isinstance(it, ast.Assign) and isinstance(it.targets[0], ast.Name):
                self._set(it.targets[0].id, it.value, scope)
        bases = tuple(self.value(base) for base in node.bases)
        made = type(
            *cast(Any, (node.name, tuple(it for it in bases if it is not _Elsewhere), inside))
        )
        for decorator in reversed(node.decorator_list):
            made = self.value(decorator)(made)
        return cast(type, made)

    def _declare(self, name: str, node: ast.AnnAssign, scope: "_Inner") -> None:
        if ast.unparse(node.annotation).startswith("ClassVar"):
            scope.inside["__annotations__"][name] = ClassVar
            if node.value is not None:
                self._set(name, node.value, scope)
            return
        try:
            annotation = scope.value(node.annotation)
        except AttributeError:  # of something of torch, say; whoever sets it imports it
            annotation = _Elsewhere
        scope.inside["__annotations__"][name] = annotation
        if node.value is not None:
            scope.inside[name] = scope.value(node.value)

    def _set(self, name: str, value: ast.expr, scope: "_Inner") -> None:
        try:
            scope.inside[name] = scope.value(value)
        except Exception:
            scope.inside.pop(name, None)


@dataclass
class _Inner(Mapping[str, Any]):
    """The names in the body of a class."""

    source: _Source
    inside: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.inside[name] if name in self.inside else self.source[name]

    def __iter__(self) -> Iterator[str]:
        return iter({*self.inside, *self.source})

    def __len__(self) -> int:
        return len({*self.inside, *self.source})

    def value(self, node: ast.expr) -> Any:
        code = compile(ast.Expression(node), self.source.module, "eval")
        return eval(code, {"__builtins__": builtins, "__name__": self.source.module}, self)


def _from(module: str, name: str) -> Any:
    if module.partition(".")[0] in OURS and module not in OUR_QUICK:
        return _source(module)[name]
    return getattr(importlib.import_module(module), name) if _quick(module) else _Elsewhere


def _quick(module: str) -> bool:
    package = module.partition(".")[0]
    return module in OUR_QUICK or package in QUICK or package in sys.stdlib_module_names


@cache
def _source(module: str) -> _Source:
    return _Source(module, ast.parse(_path(module).read_bytes()))


def _path(module: str) -> Path:
    """The file of a module of this project; only its outermost package is imported, and empty."""
    package, *parts = module.split(".")
    home = Path(next(iter(importlib.import_module(package).__path__)))
    place = home.joinpath(*parts)
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


@cache
def _bindings(tree: ast.Module) -> Mapping[str, ast.stmt]:
    found: dict[str, ast.stmt] = {}
    for node in _statements(tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {it.asname or it.name: node for it in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {it.id: node for it in node.targets if isinstance(it, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of a module, and those that only a type checker sees."""
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from node.body
        else:
            yield node


def _needed(module: str) -> set[str]:
    """The packages that a module imports, and those of its own package that it imports."""
    packages, unread, seen = set[str](), [module], set[str]()
    while unread:
        seen.add(name := unread.pop())
        for found in _imports(name):
            package = found.partition(".")[0]
            if package not in OURS:
                packages.add(package)
            elif package == module.partition(".")[0] and found not in seen:
                unread.append(found)
    return packages


@cache
def _imports(module: str) -> frozenset[str]:
    text = _path(module).read_text(encoding="utf-8")
    required = (it.strip(" '\"") for found in REQUIRED.findall(text) for it in found.split(","))
    return frozenset({*IMPORT.findall(text), *filter(None, required)})


@cache
def _missing(package: str) -> bool:
    if package in sys.stdlib_module_names:
        return False
    if package in sys.modules:
        return sys.modules[package] is None
    return find_spec(package) is None
