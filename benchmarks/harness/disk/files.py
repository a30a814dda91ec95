"""Files that are there whole or not at all, whenever the process is killed."""

import difflib
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.core.errors import NotKept, StoreError


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are not there yet.

    Raises:
        NotKept: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotKept(f"{path}: cannot be written ({error.strerror})") from None


def demand_folder(path: Path) -> None:
    """There is such a folder.

    Raises:
        StoreError: there is none; the nearest beside it is named.
    """
    if path.exists():
        return
    with suppress(OSError):
        beside = {it.name: it for it in path.parent.iterdir() if it.is_dir()}
        if near := difflib.get_close_matches(path.name, beside, n=1):
            raise StoreError(
                f"{path}: there is no such folder; did you mean {str(beside[near[0]])!r}?"
            )
    raise StoreError(f"{path}: there is no such folder")


def write_text(path: Path, text: str) -> None:
    """Write a text, in place of what is there.

    What is no text in Unicode (half of a surrogate pair: a byte of a file name that is no UTF-8)
    is written as an escape, which JSON reads back.

    Raises:
        NotKept: it cannot be written.
    """
    content = text.encode("utf-8", "backslashreplace")
    replace(path, lambda temporary: temporary.write_bytes(content))


def write_json(path: Path, value: Any) -> None:
    """Write a value as `write_text` does."""
    write_text(path, as_json(value))


def as_json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def read_json(path: Path) -> Any:
    """Read a file this project wrote.

    Raises:
        StoreError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{path}: is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path}: cannot be read ({error})") from None


def remove(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        NotKept: it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise NotKept(f"{path}: cannot be removed ({error.strerror})") from None


def sync(path: Path) -> None:
    """Wait until a file or folder has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fresh_name(prefix: str) -> str:
    """A name that nothing has yet; unlike what `tempfile` makes, its file follows the umask."""
    return f"{prefix}{secrets.token_hex(4)}"


def replace(
    path: Path,
    write: Callable[[Path], Any],
    ready: Callable[[Path], Any] = lambda temporary: None,
) -> None:
    """Let `write` make a file; once it is on the disk and `ready` agrees, it takes its place.

    Raises:
        NotKept: it cannot be written.
    """
    temporary = path.with_name(fresh_name(f".{path.name}-"))
    try:
        try:
            write(temporary)
            sync(temporary)
            ready(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise NotKept(f"{path}: cannot be written ({error.strerror or error})") from None
