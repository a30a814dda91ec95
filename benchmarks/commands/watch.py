"""`reml watch`: how far a run is, as it goes on, on this terminal or on a page."""

import argparse
import os
import sys
import threading
import webbrowser
from pathlib import Path

from benchmarks.core.errors import UserError


def watch(options: argparse.Namespace) -> int:
    if options.web:
        return _serve(options.directory, options.port, options.open)
    if options.port is not None or not options.open:
        raise UserError("--port and --no-open are of the page: add --web")
    from rich.console import Console

    from benchmarks.watching.terminal import watch_here

    watch_here(options.directory, Console())
    return 0


def _serve(directory: Path, port: int | None, open_it: bool) -> int:
    from benchmarks.watching.server import serving

    with serving(directory, port) as server:
        print(f"{server.address} shows {directory}; Ctrl-C ends it", flush=True)
        if open_it and _has_screen():
            threading.Thread(target=webbrowser.open, args=(server.address,), daemon=True).start()
        server.serve_forever()
    return 0


def _has_screen() -> bool:
    """Whether there is a browser that opens beside a terminal, rather than in it."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
