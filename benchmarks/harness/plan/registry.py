"""Learners, families and protocols by name: of entry points, and of files given by --plugin."""

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from benchmarks.core.errors import PluginError, RemlError, UnknownName
from benchmarks.core.protocol import Protocol
from benchmarks.core.text import described, line, unseen
from benchmarks.harness.source.code import code_of_entry, code_of_file
from benchmarks.harness.source.outline import outline, summary
from benchmarks.installed import entry_points

Kind = Literal["learner", "family", "protocol"]
GROUPS: dict[Kind, str] = {
    "learner": "reml.learners",
    "family": "reml.families",
    "protocol": "reml.protocols",
}

SHAPES: dict[Kind, tuple[str, ...]] = {
    "learner": (
        *("presets", "test_fields", "needs"),
        *("fit", "partial_fit", "adapt", "state", "load_state"),
    ),
    "family": ("version", "problem", "fingerprint", "size", "left_out", "sample"),
    "protocol": ("declares", "run"),
}
TELLING: dict[Kind, str] = {"learner": "adapt", "family": "sample", "protocol": "declares"}
"""The attribute by which a class that lacks others is recognised as meant to be one."""


@dataclass(frozen=True)
class Found:
    """A class and the fields its name presets; `code` is a hash of the plugin it is from."""

    cls: type
    preset: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""


class Registry:
    """Everything that can be named in a matrix. Entry points are imported when they are used."""

    def __init__(self, plugins: Sequence[Path] = ()) -> None:
        """Look up the installed entry points and import the plugin files.

        Raises:
            PluginError: a plugin file doesn't import, holds nothing to register, or takes a name
                that is taken.
        """
        self._known: dict[Kind, dict[str, Any]] = {
            kind: {point.name: point for point in entry_points(group=group)}
            for kind, group in GROUPS.items()
        }
        self.plugins: tuple[Path, ...] = ()
        for path in plugins:
            self.add(Path(path))

    def names(self, kind: Kind) -> list[str]:
        return sorted(self._known[kind])

    def find(self, kind: Kind, name: str, where: str = "") -> Found:
        """The class behind a name.

        Raises:
            UnknownName: there is none.
            PluginError: its entry point doesn't import, or is none of the kind.
            MissingDependency: it needs a package that is missing.
        """
        known = self._known[kind]
        if name not in known:
            raise UnknownName(kind, name, known, where)
        entry = known[name]
        if not isinstance(entry, Found):  # the package importlib_metadata brings a class of its own
            entry = known[name] = _load(kind, entry)
        return entry

    def outline(self, kind: Kind, name: str, where: str = "") -> Found:
        """As `find`, but where the source tells all of it without methods and without an import.

        What is found so has the docstring, the fields and the constants of the class, and makes
        instances that nobody has checked.

        Raises:
            UserError: as `find`.
        """
        entry = self._known[kind].get(name)
        if entry is None or isinstance(entry, Found) or (cls := outline(entry.value)) is None:
            return self.find(kind, name, where)
        presets = _presets(cls)
        return Found(cls, presets[name]) if name in presets else self.find(kind, name, where)

    def about(self, kind: Kind, name: str) -> tuple[str, Mapping[str, Any]]:
        """The first line of a docstring, and the fields that the name presets.

        Raises:
            UserError: as `find`.
        """
        entry = self._known[kind].get(name)
        told = None if entry is None or isinstance(entry, Found) else summary(entry.value, name)
        if told is not None:
            return told
        found = self.outline(kind, name)
        return (found.cls.__doc__ or "").strip().partition("\n")[0], found.preset

    def add_class(self, kind: Kind, cls: Any, code: str) -> None:
        """Make a class known by its own name and those of its presets; `code` is a hash of it.

        Raises:
            PluginError: it is none, or a name is taken.
        """
        where = f"class {getattr(cls, '__name__', cls)!r}"
        check_shape(kind, cls, where)
        self._take(
            where, [(kind, it, Found(cls, fields, code)) for it, fields in _presets(cls).items()]
        )

    def name_of(self, kind: Kind, cls: type) -> str | None:
        """What a class is called here that is installed, or was added; None if it is not."""
        value = f"{cls.__module__}:{cls.__qualname__}"
        for name, it in self._known[kind].items():
            same = it.cls is cls if isinstance(it, Found) else it.value == value
            if same and name == getattr(cls, "name", None):
                return name
        return None

    def add(self, path: Path) -> None:
        """Import a plugin file.

        Raises:
            PluginError: it doesn't import, holds nothing to register, or a name is taken.
        """
        module = import_file(path)
        try:
            code = code_of_file(path)
        except OSError as error:
            raise PluginError(
                f"{path}: what it imports cannot be read ({described(error)})"
            ) from None
        found: list[tuple[Kind, str, Found]] = []
        flaws = []
        try:
            for cls in classes_of(module):
                kind = kind_of(cls)
                if kind is not None and (flaw := _flaw(kind, cls)):
                    flaws.append(flaw)
                elif kind is not None:
                    found += [
                        (kind, name, Found(cls, preset, code))
                        for name, preset in _presets(cls).items()
                    ]
        except Exception as error:
            raise PluginError(f"{path}: has a class that breaks ({described(error)})") from error
        if not found:
            nothing = "defines no class that is a learner, family or protocol"
            raise PluginError(f"{path}: {flaws[0] if flaws else nothing}")
        self._take(str(path), found)
        self.plugins = (*self.plugins, path.resolve())

    def _take(self, where: str, found: Sequence[tuple[Kind, str, Found]]) -> None:
        for kind, name, entry in found:
            if not name.strip() or any(map(unseen, name)):
                raise PluginError(f"{where}: a {kind} cannot be named {line(name, 80)!r}")
            if name in self._known[kind]:
                raise PluginError(f"{where}: there is a {kind} named {name!r} already")
            self._known[kind][name] = entry


def import_file(path: Path) -> ModuleType:
    """Run a Python file as a module of its own.

    Raises:
        PluginError: there is no such file, or it doesn't import.
    """
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "there is no such plugin file"
            raise PluginError(f"{path}: {what}")
        path.read_bytes()
    except (OSError, ValueError) as error:
        raise PluginError(f"{line(str(path))}: cannot be read ({described(error)})") from None
    name = module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}: is not a Python file (its name should end in .py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, say
        sys.modules.pop(name, None)
        raise PluginError(f"{path}: does not import ({described(error)})") from error
    return module


def module_name(path: Path) -> str:
    """What the module of a plugin file is called, there being others of its name elsewhere."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    return f"reml_plugin_{path.stem}_{digest}"


def classes_of(module: ModuleType) -> list[type]:
    """The classes a module defines itself, in the order of the file."""
    return [
        value
        for value in list(vars(module).values())
        if issubclass(type(value), type) and value.__module__ == module.__name__
    ]


def check_shape(kind: Kind, cls: Any, where: str) -> None:
    """Make sure a class has what the contract asks for.

    Raises:
        PluginError: it lacks something; the message says what.
    """
    flaw = _flaw(kind, cls)
    if flaw:
        raise PluginError(f"{where}: {flaw}")


def _load(kind: Kind, entry: Any) -> Found:
    where = f"entry point {entry.name!r} ({entry.value})"
    try:
        cls = entry.load()
    except RemlError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{where}: does not import ({described(error)})") from error
    check_shape(kind, cls, where)
    presets = _presets(cls)
    if entry.name not in presets:
        raise PluginError(
            f"{where}: class {cls.__name__} goes by other names: {', '.join(presets)}"
        )
    return Found(cls, presets[entry.name], code_of_entry(entry))


def _presets(cls: Any) -> dict[str, Mapping[str, Any]]:
    """All names a class goes by, its own first, each with the fields it sets."""
    return {cls.name: {}, **getattr(cls, "presets", {})}


def kind_of(cls: type) -> Kind | None:
    """What a class is meant to be, by the attribute that only such a class has."""
    for kind, method in TELLING.items():
        if hasattr(cls, method) and isinstance(getattr(cls, "name", None), str):
            return kind
    return None


def _flaw(kind: Kind, cls: Any) -> str:
    """What keeps a class from being a learner or family, as half a sentence; empty if nothing."""
    if not inspect.isclass(cls):
        return f"expected a class, got {cls!r}"
    if not isinstance(getattr(cls, "name", None), str):
        return f"class {cls.__name__} has no name"
    missing = [name for name in SHAPES[kind] if not hasattr(cls, name)]
    if missing:
        return f"class {cls.__name__} is not a {kind}: it has no {', '.join(missing)}"
    if kind == "protocol":
        return "" if issubclass(cls, Protocol) else f"class {cls.__name__} is not a {Protocol!r}"
    return "" if is_dataclass(cls) else f"class {cls.__name__} is not a dataclass"
