"""What a server of workers imports first."""

import subprocess
import sys

SERVER = """
import atexit, gc, os
atexit.register(print, "looks through all of it")
import benchmarks.unswept
if os.fork():
    os.wait()
    print(gc.isenabled(), gc.get_freeze_count() > 0, flush=True)
else:
    print(gc.isenabled(), gc.get_freeze_count() > 0, flush=True)
    gc.disable()
    if os.fork():
        os.wait()
    else:
        print(gc.isenabled(), flush=True)
"""


def test_those_forked_from_it_look_for_garbage_and_it_does_not_even_in_the_end() -> None:
    command = [sys.executable, "-c", SERVER]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = ["True True", "False", *2 * ["looks through all of it"]]
    assert done.stdout.splitlines() == [*theirs, "False False"]
