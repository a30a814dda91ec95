"""What a server of workers imports first: it looks for no garbage, neither now nor as it ends.

It makes next to none, and to look through all that torch brings takes half of the time in which it
starts and ends. Whoever is forked from it looks, but not through what was there before.
"""

import atexit
import gc
import os

_SERVER = os.getpid()


def _begin() -> None:
    if os.getppid() == _SERVER:
        gc.freeze()
        gc.enable()


def _end() -> None:
    if os.getpid() == _SERVER:
        os._exit(0)


gc.disable()
os.register_at_fork(after_in_child=_begin)
atexit.register(_end)
