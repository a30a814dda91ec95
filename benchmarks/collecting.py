"""How often Python looks for garbage in circles, which takes as long as there are objects."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SELDOM = 500_000
"""A figure is a hundred thousand objects that refer to each other, most of them in use."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Where what is there already stays."""
    before = gc.get_threshold()
    gc.set_threshold(SELDOM, *before[1:])
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def lastly(main: Callable[[], int]) -> int:
    """What `main` returns, where nothing comes after it: what it leaves goes with the process."""
    gc.set_threshold(SELDOM, *gc.get_threshold()[1:])
    try:
        return main()
    finally:
        gc.freeze()  # or Python would look through all of it once more as it ends
