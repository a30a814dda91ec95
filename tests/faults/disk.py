"""A small file system of its own, where that can be had."""

import os
import shutil
import subprocess
import sys
from pathlib import Path


class Broken(Exception):
    """What must not happen did."""


class Disk:
    """The place of the results: a small file system of its own where that can be had."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()
        self.own = os.geteuid() == 0 and self._mount("-t", "tmpfs", "-o", "size=64m", "tmpfs")

    def remount(self, options: str) -> None:
        if not self._mount("-o", f"remount,{options}"):
            raise Broken(f"{self.place} cannot be remounted with {options}")

    def unmount(self) -> None:
        if self.own:
            subprocess.run(["umount", "-l", str(self.place)], check=True)

    def _mount(self, *arguments: str) -> bool:
        if sys.platform != "linux" or shutil.which("mount") is None:
            return False
        command = ["mount", *arguments, str(self.place)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
