"""SHA-256 sums of what lies in a folder, in a file that `sha256sum -c` reads, too."""

import hashlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from benchmarks.core.errors import Damaged
from benchmarks.harness.disk.files import sync

SUMS = "SHA256SUMS"
SMALL = 1 << 16
"""Bytes that are read at once; most files of a trial are no larger."""
LINE = re.compile(r"([0-9a-f]{64})  ([^\0\r\n]+)")


def sum_of(path: Path) -> str:
    with path.open("rb") as file:
        if len(start := file.read(SMALL)) < SMALL:
            return hashlib.sha256(start).hexdigest()
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(folder: Path) -> None:
    """Write the sums of all files of a folder, which have to be on the disk."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != SUMS)
    (folder / SUMS).write_text("".join(f"{sum_of(folder / it)}  {it}\n" for it in names))
    sync(folder / SUMS)


def read_sums(folder: Path) -> dict[str, str] | None:
    """The sums of a folder's files; None where none were written, as by former versions.

    Raises:
        Damaged: the file cannot be read.
    """
    path = folder / SUMS
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Damaged(path, f"cannot be read ({error})") from None
    found = [LINE.fullmatch(line) for line in text.splitlines()]
    if not text.endswith("\n") or not all(found):
        raise Damaged(path, "holds other lines than checksums")
    return {match[2]: match[1] for match in found if match}


def check_sums(
    folder: Path,
    names: Collection[str] | None = None,
    sums: Mapping[str, str] | None = None,
) -> bool:
    """Hold files (all that have a sum, unless names are given) against their sums.

    `sums` are those of `read_sums`, where somebody has read them already. A `learner.pt` that
    somebody has deleted is no damage: its scores stand without it.

    Returns:
        Whether there are sums.

    Raises:
        Damaged: a file is missing or differs.
    """
    sums = read_sums(folder) if sums is None else sums
    if sums is None:
        return False
    for name in sums if names is None else names:
        path = folder / name
        try:
            if sums.get(name) != sum_of(path):
                raise Damaged(path, "is not what was written there (its checksum differs)")
        except FileNotFoundError:
            if name != "learner.pt" and name in sums:
                raise Damaged(path, "is missing") from None
        except OSError as error:
            raise Damaged(path, f"cannot be read ({error.strerror or error})") from None
    return True
