"""Files from elsewhere: found, downloaded or kept in the user's cache, and never half there."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pooch
import requests

from benchmarks.core.errors import DataError


def data_folder() -> Path | None:
    """The folder that the environment variable REML_DATA names."""
    folder = os.environ.get("REML_DATA")
    return Path(folder) if folder else None


def cache_folder(*names: str) -> Path:
    """A folder of the user's cache for what can be made or downloaded again."""
    return Path(pooch.os_cache("reml"), *names)


def fetch(url: str, md5: str, folder: Path, otherwise: str) -> Path:
    """The file at `url`, downloaded into `folder` unless it is there already.

    Raises:
        DataError: it cannot be downloaded whole; `otherwise` says what else could be done.
    """
    name = url.rpartition("/")[2]
    try:
        return Path(pooch.retrieve(url, known_hash=f"md5:{md5}", fname=name, path=folder))
    except requests.RequestException as error:
        raise DataError(
            f"{url}: cannot be downloaded ({type(error).__name__}); {otherwise}"
        ) from error
    except ValueError:
        raise DataError(
            f"{url}: what was downloaded does not have the MD5 checksum {md5}; try again, or "
            f"{otherwise}"
        ) from None
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror})") from error


def check(path: Path, md5: str) -> None:
    """Demand that a file is what it should be.

    Raises:
        DataError: it cannot be read, or is another.
    """
    try:
        found = pooch.file_hash(str(path), alg="md5")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if found != md5:
        raise DataError(f"{path}: expected a file with the MD5 checksum {md5}, got {found}")


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file, in place of what is there only when it has succeeded.

    Raises:
        DataError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # the suffix stays, as some writers add one of their own where it is missing
        part = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
        try:
            write(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error
