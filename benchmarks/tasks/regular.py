"""Whole files of the user's, and nothing that never ends or that reading would change."""

import stat
from pathlib import Path

from benchmarks.core.errors import DataError

KINDS = {
    stat.S_IFDIR: "Is a directory",
    stat.S_IFIFO: "is a named pipe",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
}


def read_regular(path: str | Path) -> bytes:
    """The content of a file.

    Raises:
        DataError: it cannot be read, or is a pipe, a device, a socket or a folder: refused before
            it is opened, as a pipe nobody writes to keeps its reader waiting for ever.
    """
    try:
        mode = Path(path).stat().st_mode
        if not stat.S_ISREG(mode):
            kind = KINDS.get(stat.S_IFMT(mode), "is no file")
            raise DataError(f"{path}: cannot be read ({kind}; expected a file)")
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # a NUL in the path
        raise DataError(f"{str(path)!r}: cannot be read ({error})") from error
