"""Seaborn's styles and palettes, imported without what it fits and tests.

All of seaborn imports `scipy.stats` and pyplot's widgets, which takes longer than most figures.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

NAME = "seaborn"


@contextmanager
def _without_its_init() -> Iterator[None]:
    """Its modules can be imported one by one; whoever imports it later gets all of it."""
    if NAME in sys.modules:
        yield
        return
    found = find_spec(NAME)
    bare = ModuleType(NAME)
    bare.__path__ = list(found.submodule_search_locations or ()) if found else []
    sys.modules[NAME] = bare
    try:
        yield
    finally:
        for name in [it for it in sys.modules if it.partition(".")[0] == NAME]:
            del sys.modules[name]


with _without_its_init():
    from seaborn import cm  # noqa: F401 (it registers colour maps)
    from seaborn.palettes import color_palette
    from seaborn.rcmod import axes_style, plotting_context

__all__ = ["axes_style", "color_palette", "plotting_context"]
