"""Classes where a matrix has names: one from a file is a plugin, any other runs in this process."""

import hashlib
import inspect
import sys
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from benchmarks.core.errors import PluginError
from benchmarks.harness.plan.registry import Kind, Registry

DIGITS = 12


class Classes:
    """Makes classes known to a registry.

    Attributes:
        here: the names of those that no worker process can import.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.here: set[str] = set()
        self._known: dict[type, str] = {}

    def name(self, kind: Kind, cls: type) -> str:
        """What a matrix calls the class.

        Raises:
            PluginError: it is no learner or family, or its name is taken.
        """
        if cls not in self._known:
            self._known[cls] = self.registry.name_of(kind, cls) or self._add(kind, cls)
        return self._known[cls]

    def _add(self, kind: Kind, cls: type) -> str:
        name, file = getattr(cls, "name", None), _file_of(cls)
        if file is not None and file.resolve() not in self.registry.plugins:
            try:
                self.registry.add(file)
            except PluginError:  # a module of a package, say, that imports its neighbours
                file = None
        if file is None or not isinstance(name, str) or name not in self.registry.names(kind):
            self.registry.add_class(kind, cls, _code_of(cls))
            name = cls.name  # type: ignore[attr-defined]
            self.here.add(name)
        return name


def _file_of(cls: type) -> Path | None:
    """The file that defines the class when it is imported; None where there is none.

    A program that is run defines its own, but to import it would run it again.
    """
    module = sys.modules.get(cls.__module__)
    path = getattr(module, "__file__", None)
    if cls.__module__ == "__main__" or "<locals>" in cls.__qualname__ or path is None:
        return None
    return Path(path) if Path(path).suffix == ".py" and Path(path).is_file() else None


def _code_of(cls: type) -> str:
    """A hash of what the class does, with all it names of its own module.

    It stands for the file's hash: trials of another version of the class are other trials.
    """
    digest, seen = hashlib.sha256(), set[int]()
    left: list[Any] = [cls]
    while left:
        it = left.pop()
        if id(it) in seen:
            continue
        seen.add(id(it))
        if isinstance(it, type):
            digest.update(f"class {it.__qualname__} {inspect.get_annotations(it)}".encode())
            left += [it.__dict__[key] for key in sorted(it.__dict__) if not _is_made(key, it)]
            left += [base for base in it.__bases__ if base.__module__ == cls.__module__]
        elif isinstance(it, FunctionType):
            left.append(it.__code__)
            names = sorted(_names_in(it.__code__))
            left += [it.__globals__[name] for name in names if _is_own(name, it, cls)]
        elif isinstance(it, CodeType):
            digest.update(it.co_code + " ".join(it.co_names).encode())
            left += it.co_consts
        elif isinstance(it, property):
            left += [it.fget, it.fset]
        elif isinstance(it, classmethod | staticmethod):
            left.append(it.__func__)
        else:
            digest.update(_said(it).encode())
    return digest.hexdigest()[:DIGITS]


def _is_made(key: str, cls: type) -> bool:
    """Whether a dataclass, or Python, has made this part of a class."""
    value = cls.__dict__[key]
    if not key.startswith("__") or key == "__post_init__":
        return False
    return not isinstance(value, FunctionType) or value.__code__.co_filename == "<string>"


def _names_in(code: CodeType) -> set[str]:
    inner = [it for it in code.co_consts if isinstance(it, CodeType)]
    return set(code.co_names).union(*map(_names_in, inner))


def _is_own(name: str, function: FunctionType, cls: type) -> bool:
    """Whether it is a function, class or constant that the class's own module defines."""
    if name not in function.__globals__:
        return False
    value = function.__globals__[name]
    if isinstance(value, FunctionType | type):
        return value.__module__ == cls.__module__
    return isinstance(value, bool | int | float | str | bytes | tuple | frozenset | None)


def _said(value: Any) -> str:
    """What can be told of a value and is the same in every process."""
    text = f"{type(value).__qualname__} "
    if isinstance(value, frozenset | set):
        return text + repr(sorted(map(repr, value)))
    known = isinstance(value, bool | int | float | str | bytes | tuple | list | dict | None)
    return text + repr(value) if known else text
