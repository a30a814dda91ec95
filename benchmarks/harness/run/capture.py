"""What a worker prints, kept in a file of bounded size."""

import os
import threading
from contextlib import suppress
from pathlib import Path

HALF = 5_000_000
"""So many bytes are kept of the beginning, and as many of the end."""
PATIENCE_SECONDS = 5.0


class Capture(threading.Thread):
    """Reads a pipe to its end. The file is made when something comes."""

    def __init__(self, path: Path, reader: int) -> None:
        super().__init__(daemon=True)
        self._path = path
        self._reader = reader
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def run(self) -> None:
        with suppress(OSError):
            while chunk := os.read(self._reader, 1 << 16):
                self._take(chunk)

    def finish(self, more: str = "") -> None:
        """Wait for the end, and complete the file with it and some last words."""
        self.join(PATIENCE_SECONDS)
        if more:
            self._take(more.encode())
        if not self._head:
            return
        if len(self._tail) > HALF:
            self._cut()
        end = bytes(self._tail)
        if self._dropped:
            end = f"\n[... {self._dropped:,} bytes are left out here ...]\n".encode() + end
        with suppress(OSError):
            if self._path.exists():
                self._append(end)
            else:  # a learner may have removed it, with its folder
                self._path.write_bytes(bytes(self._head) + end)

    def _take(self, chunk: bytes) -> None:
        room = HALF - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            with suppress(OSError):
                self._append(chunk[:room])
        self._tail += chunk[max(room, 0) :]
        if len(self._tail) > 2 * HALF:
            self._cut()

    def _cut(self) -> None:
        self._dropped += len(self._tail) - HALF
        del self._tail[:-HALF]

    def _append(self, data: bytes) -> None:
        if data:
            with self._path.open("ab") as file:
                file.write(data)
