"""A results folder's list of the files that this program wrote there; no other is ever touched.

The list is `.reml.sha256`, which `sha256sum -c` reads. While files are written it may hold several
sums of one name: a line is added before its file takes its place, so that a process killed in
between leaves no doubt. A published folder's list is published with it, so what is never published
is on a list of its own there, `.reml.beside.sha256`.
"""

import hashlib
import re
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.core.errors import Damaged, NotKept
from benchmarks.harness.disk.claim import demand_kept
from benchmarks.harness.disk.columns import REFERENCES, TABLES, TUNING
from benchmarks.harness.disk.files import as_json, remove, replace, write_text
from benchmarks.harness.disk.sums import LINE, sum_of

LIST, BESIDE = ".reml.sha256", ".reml.beside.sha256"
HEAD = re.compile(r"# ([0-9]{1,9}) files of reml")
"""The first line, which tells whether later ones are gone."""
MATRIX, RECORDS, PROVENANCE = "matrix.json", "trials.json", "provenance.json"
DATA = frozenset(
    {
        *(MATRIX, RECORDS, PROVENANCE, TUNING, REFERENCES),
        *(f"{name}.parquet" for name in (*TABLES, "tasks")),
    }
)
"""What results consist of: readers take files of these names for ours."""
REPORT = re.compile(
    r"(table|pairs|compositions|reproduce)\.csv|(table|index|reproduce)\.md|report\.html"
    r"|figures/((error|accuracy)-against-(steps|shots)|performance-profiles|episodes|confusion"
    r"|fitted-curves|support-against-query|(training|validation)-curves|training-diagnostics|layer-usage|compositions"
    r"|score-against-spending|against-scratch|retention|tuning-[0-9]+-shots)(-[a-z0-9-]+)?"
    r"\.(png|svg)"
)
"""What former versions, which kept no list, may have written besides."""
LISTED = re.compile(r"[a-z0-9-]+\.csv|figures/[a-z0-9-]+\.(png|svg)")
"""What the list may hold beyond that: any table and any figure, of which there are ever more."""
UNPUBLISHED = frozenset({"report.html"})
"""What a published folder may have beside what was published."""


def is_published(directory: Path) -> bool:
    """Whether a folder has what its trials were consolidated to, and not the trials."""
    return not (directory / "trials").is_dir() and (directory / RECORDS).is_file()


class Ledger:
    """Writes and removes files of one results folder, as far as they are the program's own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def names(self) -> dict[str, set[str]]:
        """Each file of the list with the sums it may have; of a former version's, what is there."""
        path = self.directory / LIST
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return self._former()
        except OSError as error:
            raise Damaged(path, f"cannot be read ({error.strerror})") from None
        head = HEAD.fullmatch(lines[0]) if lines else None
        found = [LINE.fullmatch(line) for line in lines[1 if head else 0 :]]
        # the last line may be cut off where a process was killed, or the disk full
        cut = not any(found) or (head is not None and sum(map(bool, found)) < int(head[1]))
        known = self._former() if cut or not all(found[:-1]) else {}
        for match in found:
            if match and (_ours(match[2]) or LISTED.fullmatch(match[2])):
                known.setdefault(match[2], set()).add(match[1])
        for match in map(LINE.fullmatch, _text(self.directory / BESIDE).splitlines()):
            if match and match[2] in UNPUBLISHED:
                known.setdefault(match[2], set()).add(match[1])
        return known

    def listed(self) -> str:
        """What the list says, for `tidy`."""
        return _text(self.directory / LIST)

    def write_text(self, name: str, text: str) -> bool:
        """Write a text; one that is there, as it was written, stays. Whether it was written."""
        demand_kept(self.directory)
        made, path = hashlib.sha256(text.encode("utf-8")).hexdigest(), self.directory / name
        if made in self.names().get(name, ()) and path.is_file() and sum_of(path) == made:
            return False
        self.write(name, lambda path: path.write_text(text, encoding="utf-8"))
        return True

    def write_json(self, name: str, value: Any) -> bool:
        return self.write_text(name, as_json(value))

    def write_parquet(self, name: str, frame: Any, small: bool = False) -> None:
        """Write a table; one that is there, as it was written and of this very frame, stays."""
        from benchmarks.harness.disk import tables  # pandas takes long to import

        if small:
            self.write(name, lambda path: tables.as_small_parquet(frame, path))
            return
        made_of, path = tables.digest(frame), self.directory / name
        same = tables.digest_in(path) == made_of and sum_of(path) in self.names().get(name, ())
        if not same:
            self.write(name, lambda path: tables.as_parquet(frame, path, made_of))

    def write(self, name: str, make: Callable[[Path], Any]) -> None:
        """Let `make` write a file, in place of what is there if that is the program's own.

        A file of the user's of the same name is left as it is, and said to be. One of ours that
        somebody has changed is moved aside, and so is one that a reader would take for ours.

        Raises:
            NotKept: it cannot be written.
        """
        demand_kept(self.directory)
        path = self.directory / name
        known = self.names()
        if path.is_file() and not self._is_own(name, known):
            if name not in DATA and name not in known:
                _say(f"{path}: is none of this program's files; left as it is, ours is not kept")
                return
            self._set_aside(path)

        def note(temporary: Path) -> None:
            self._add(f"{sum_of(temporary)}  {name}\n", known, name)

        replace(path, make, note)

    def remove(self, name: str) -> None:
        """Remove a file if it is there and the program's own.

        Raises:
            NotKept: it cannot be removed.
        """
        path = self.directory / name
        try:
            if self._is_own(name, self.names()):
                path.unlink()
            elif path.exists():
                _say(f"{path}: is not what this program wrote there; left as it is")
        except OSError as error:
            raise NotKept(f"{path}: cannot be removed ({error.strerror})") from None

    def tidy(self, since: str | None = None) -> None:
        """Leave one sum for each file that is there, and none for others.

        The list of a published folder stays as it is where it is what was `listed` `since`.
        """
        demand_kept(self.directory)
        known = self.names()
        apart = UNPUBLISHED if is_published(self.directory) else frozenset()
        if not apart or since != self.listed():
            lines = self._lines(known, known.keys() - apart)
            head = f"# {len(lines)} files of reml\n"
            write_text(self.directory / LIST, "".join([head, *lines]))
        if lines := self._lines(known, known.keys() & apart):
            write_text(self.directory / BESIDE, "".join(lines))
        else:
            remove(self.directory / BESIDE)

    def _lines(self, known: dict[str, set[str]], names: Collection[str]) -> list[str]:
        lines = []
        for name in sorted(names):
            if (path := self.directory / name).is_file():
                now = sum_of(path)
                sums = [now] if now in known[name] or not known[name] else sorted(known[name])
                lines += [f"{it}  {name}\n" for it in sums]
        return lines

    def check(self, name: str) -> None:
        """See whether a file is what was written, where that is known.

        Raises:
            Damaged: it is not.
        """
        sums = self.names().get(name)
        path = self.directory / name
        with suppress(OSError):
            if sums and path.is_file() and sum_of(path) not in sums:
                raise Damaged(path, f"is not what was written there (the sum in {LIST} differs)")

    def _is_own(self, name: str, known: dict[str, set[str]]) -> bool:
        path = self.directory / name
        if name not in known or not path.is_file():
            return False
        # damage to what results consist of does not make it somebody else's
        return name in DATA or not known[name] or sum_of(path) in known[name]

    def _former(self) -> dict[str, set[str]]:
        if not (self.directory / MATRIX).is_file():
            return {}
        found = [*self.directory.iterdir(), *self.directory.glob("figures/*")]
        names = [path.relative_to(self.directory).as_posix() for path in found]
        return {name: set() for name in names if _ours(name)}

    def _add(self, line: str, known: dict[str, set[str]], name: str) -> None:
        apart = name in UNPUBLISHED and is_published(self.directory)
        path = self.directory / (BESIDE if apart else LIST)
        if not apart and not path.exists():
            former = [name for name in sorted(known) if (self.directory / name).is_file()]
            line = "".join(f"{sum_of(self.directory / it)}  {it}\n" for it in former) + line
        with path.open("a", encoding="utf-8") as file:
            file.write(line)

    def _set_aside(self, path: Path) -> None:
        number = 1
        while (aside := path.with_name(f"{path.name}.{number}")).exists():
            number += 1
        try:
            path.rename(aside)
        except OSError as error:
            raise NotKept(f"{path}: cannot be written ({error.strerror})") from None
        _say(f"{path}: is not what this program wrote there; moved to {aside.name}")


def _text(path: Path) -> str:
    """What a list says; nothing where there is none, or none to be read."""
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def _ours(name: str) -> bool:
    return name in DATA or REPORT.fullmatch(name) is not None


def _say(text: str) -> None:
    print(f"reml: {text}", file=sys.stderr)
