"""How often Python looks for garbage in circles, which takes as long as there are objects."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 200_000
"""A figure is a hundred thousand objects that refer to each other, most of them in use."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
