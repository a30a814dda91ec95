"""Files and folders as bytes, for workers on machines that do not see them."""

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.core.errors import DataError, UserError
from benchmarks.core.text import described
from benchmarks.harness.disk.files import fresh_name
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.source.code import files_of


@dataclass(frozen=True)
class Item:
    """A file or a folder and how to find it in its `data`, which `digest` tells from others."""

    path: Path
    inside: str
    digest: str
    data: bytes


def carried(path: Path, what: Iterable[Path] | None = None, base: Path | None = None) -> Item:
    """A file or a folder, by its own name; or a file with others around it, below `base`.

    Raises:
        DataError: it cannot be read.
    """
    base = base or path.parent
    data = packed({(it.relative_to(base)).as_posix(): it for it in what or [path]})
    digest = hashlib.sha256(data).hexdigest()
    return Item(path, path.relative_to(base).as_posix(), digest, data)


def packed(what: dict[str, Path]) -> bytes:
    """Files and folders by the names they get; the same contents give the same bytes.

    Raises:
        DataError: one cannot be read.
    """
    file = io.BytesIO()
    try:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name, path in sorted(what.items()):
                archive.add(path, name, filter=_plain)
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from None
    return file.getvalue()


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
    return member


def unpack(data: bytes, folder: Path) -> None:
    """Put what was packed into a folder, which may be there.

    Raises:
        DataError: it is not what `packed` makes.
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise DataError(f"{folder}: cannot be unpacked ({described(error)})") from None


def placed(digest: str, data: bytes | None, cache: Path) -> Path | None:
    """The folder that holds what was packed, made of `data` where it is not there yet."""
    place = cache / digest[:32]
    if not place.is_dir() and data is not None:
        half = cache / fresh_name(".half-")
        unpack(data, half)
        try:
            half.rename(place)
        except OSError:  # somebody else was faster
            if not place.is_dir():
                raise
    return place if place.is_dir() else None


def carried_plugin(path: Path) -> Item:
    """A plugin file with all that it imports from beside it."""
    base, files = files_of(path)
    return carried(path.resolve(), files, base)


class Depot:
    """A folder, by its path or URL, where machines leave files for each other."""

    def __init__(self, url: str) -> None:
        """Raises whatever the file system does that the URL is of."""
        from fsspec.core import url_to_fs

        self._system, self._root = url_to_fs(url)
        self._system.makedirs(self._root, exist_ok=True)

    def get(self, name: str) -> bytes | None:
        with suppress(FileNotFoundError):
            found: bytes = self._system.cat_file(f"{self._root}/{name}")
            return found
        return None

    def put(self, name: str, data: bytes) -> None:
        """The file is there whole, or the one from before is."""
        with self._system.transaction, self._system.open(f"{self._root}/{name}", "wb") as file:
            file.write(data)

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._system.rm_file(f"{self._root}/{name}")


def demand_depot(url: str, where: str) -> str:
    """See that files can be left at a path or URL, which then is the same in any folder.

    Raises:
        UserError: they cannot.
    """
    if "://" not in url:
        url = str(Path(url).expanduser().absolute())
    try:
        depot, name = Depot(url), fresh_name(".probe-")
        depot.put(name, b"there")
        found = depot.get(name)
        depot.remove(name)
        if found != b"there":
            raise OSError("what was written there is not there")
    except Exception as error:  # as many kinds as there are file systems
        raise UserError(
            f"{where or '[engine]'}: key 'checkpoints': nothing can be kept at {url} "
            f"({described(error)})"
        ) from None
    return url


def data_of(spec: TrialSpec) -> Iterator[Path]:
    """The files and folders that a trial's families read."""
    for entry in (spec.family, spec.other):
        if entry is not None and isinstance(entry.fields.get("path"), str):
            path = Path(entry.fields["path"])
            if path.exists():
                yield path
