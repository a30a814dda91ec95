"""Modules of a package without what importing all of it imports, which may take longer than work.

Whoever imports the package later gets all of it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType


@contextmanager
def bare(name: str, *, forget: bool = True) -> Iterator[None]:
    """The context in which modules of a package can be imported one by one.

    Args:
        name: of the package; where it is there already it is used as it is.
        forget: whether its modules are imported anew by whoever imports the package later; those
            that are compiled cannot be.
    """
    if name in sys.modules:
        yield
        return
    found = find_spec(name)
    package = ModuleType(name)
    package.__path__ = list(found.submodule_search_locations or ()) if found else []
    sys.modules[name] = package
    try:
        yield
    finally:
        del sys.modules[name]
        for it in [it for it in sys.modules if forget and it.startswith(f"{name}.")]:
            del sys.modules[it]
