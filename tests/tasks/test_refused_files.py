"""What a user's file may not hold: one sentence each."""

import os
import time

import numpy as np
import pyarrow as pa
import pytest
import torch
from user_files import HEADER, ROWS, changed, drawn, frame, numbered, text

from benchmarks.core.errors import DataError, UserError
from benchmarks.tasks.oboe import Oboe
from benchmarks.tasks.table import Table

REFUSED = {
    "the first row has a field more": (
        text(rows=changed(0, f"{ROWS[0]},1")),
        "row 1 (line 2) has 5 fields, and the header has 4",
    ),
    "one has an empty field more": (
        text(rows=changed(9, f"{ROWS[9]},")),
        "row 10 (line 11) has 5 fields",
    ),
    "all have a field more": (text(rows=[f"{r},7" for r in ROWS]), "row 1 (line 2) has 5 fields"),
    "a row is short": (text(rows=changed(9, "g0,0,1")), "row 10 (line 11) has 3 fields"),
    "a comment": (text(rows=changed(9, "# new")), "row 10 (line 11) has 1 field, and the header"),
    "row names that may be inputs": (
        text(
            "x,y,grp,task", numbered(",".join([*r.split(",")[2:], *r.split(",")[:2]]) for r in ROWS)
        ),
        "row 1 (line 2) has 5 fields",
    ),
    "a quote left open": (
        text(f"{HEADER},n", [f"{r}," + ('"oops' if i == 9 else "ok") for i, r in enumerate(ROWS)]),
        "is not a csv file (a quote is left open, in row 10 (line 11))",
    ),
    "a quote that another closes": (
        text(
            f"{HEADER},n", [f"{r}," + ('"' if i in (9, 40) else "ok") for i, r in enumerate(ROWS)]
        ),
        "holds whole rows, as if its quote were left open, in row 10 (line 11))",
    ),
    "a quote that the next row closes": (
        text(f"n,{HEADER}", [('"' if i in (9, 10) else "") + f"a,{r}" for i, r in enumerate(ROWS)]),
        "in row 10 (line 11))",
    ),
    "text after a quote": (text(rows=changed(9, '"g0"0,1,2,3')), "in row 10 (line 11))"),
    "a NUL": (text(rows=changed(9, "g\0,0,1,2")), "is not a csv file (a NUL character in line 11)"),
    "UTF-16": (text().encode("utf-16"), "is not a csv file ('utf-8' codec"),
    "nothing but spaces": ("  \n\n", "is not a csv file (No columns to parse from file)"),
    "a column twice": (
        text(f"{HEADER},x", [f"{r},1" for r in ROWS]),
        "2 columns are called 'x' (columns 3 and 5); expected one",
    ),
    "a column twice but for a space": (text(f"{HEADER}, x", [f"{r},1" for r in ROWS]), "2 columns"),
    "a number beyond all squares": (
        text(rows=changed(9, "g0,1,1,1e308")),
        "column 'y' holds '1e308' in row 10; expected numbers whose squares do not overflow",
    ),
    "an input beyond": (
        text(rows=changed(9, "g0,1,-1e200,1")),
        "column 'x' holds '-1e200' in row 10",
    ),
    "one cell beside which none counts": (
        text(rows=changed(9, "g0,1,1,1e60")),
        "column 'y' holds 1e+60 in row 10, ",
    ),
    "whole numbers that become one": (
        text(rows=[f"{r.rpartition(',')[0]},{2**53 + i}" for i, r in enumerate(ROWS)]),
        "column 'y' holds '9007199254740993' in row 2 and in 71 more rows",
    ),
    "targets whose squares are 0": (
        text(rows=[f"{r}e-300" for r in ROWS]),
        "column 'y' varies by no more than",
    ),
    "targets that never vary": (
        text(rows=[f"{r.rpartition(',')[0]},5" for r in ROWS]),
        "all 15 train tasks have a constant target 'y'",
    ),
    "test tasks that do not": (
        text(rows=[f"{r.rpartition(',')[0]},{r[1]}" if r[1] in "012" else r for r in ROWS]),
        "all 6 test tasks have a constant target 'y'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_is_refused_in_one_sentence(read, case):
    content, message = REFUSED[case]
    fields = {"test": ("g0", "g1")} if case == "test tasks that do not" else {}
    with pytest.raises(DataError) as error:
        read(content, **fields).problem  # noqa: B018
    assert message in str(error.value)
    assert str(error.value).count("\n") == 0


@pytest.mark.parametrize("file", ["pipe.csv", "pipe.parquet"])
def test_a_pipe_is_refused_before_anybody_waits_for_it(tmp_path, file):
    os.mkfifo(tmp_path / file)
    os.symlink("/dev/zero", tmp_path / f"zero{file}")
    for family in (
        Table(str(tmp_path / file), task=("a",), x=("b",), y="c", split_by="a"),
        Oboe(str(tmp_path / file), "SVM"),
    ):
        with pytest.raises(DataError, match=r"cannot be read \(is a named pipe; expected a file"):
            family.problem  # noqa: B018
    with pytest.raises(DataError, match="is a device"):
        Oboe(str(tmp_path / f"zero{file}"), "SVM").fingerprint  # noqa: B018


def test_what_holds_no_single_values_is_refused(read):
    data = pa.Table.from_pandas(frame())
    lists = data.set_column(2, "x", pa.array([[1.0]] * data.num_rows))
    with pytest.raises(DataError, match=r"column 'x' holds list<.*expected numbers or text"):
        read(lists, "lists.parquet").problem  # noqa: B018
    with pytest.raises(DataError, match="2 columns are called 'x'"):
        read(data.append_column("x", data["y"]), "twice.parquet").problem  # noqa: B018


def test_any_damage_is_an_answer_of_one_line_or_a_table(read):
    """Random edits of a sound file: each gives tasks or one short sentence, and soon."""
    rng = np.random.default_rng(0)
    bits = [
        b",",
        b'"',
        b"\n",
        b"\r\n",
        b"\0",
        b"",
        b" ",
        b"\xff",
        b"1e308",
        b"nan",
        b"-",
        b"g1",
        b"#",
    ]
    bits += [b'"\n"', b",,", b"\xef\xbb\xbf", b"9" * 400, "é".encode(), b"a" * 200_000, b"1e-320"]
    sound, answers, read_whole, longest = text().encode(), [], 0, 0.0
    for _ in range(300):
        content = bytearray(sound)
        for _ in range(rng.integers(1, 3)):
            at = int(rng.integers(len(content)))
            width = int(rng.choice([0, 0, 1, 1, 60]))
            content[at : at + width] = bits[rng.integers(len(bits))] * int(rng.choice([1, 1, 2]))
        started = time.monotonic()
        try:
            family = read(bytes(content))
            read_whole += bool(family.notes())
        except UserError as error:
            answers.append(str(error))
        else:
            assert torch.isfinite(drawn(family)).all()
        longest = max(longest, time.monotonic() - started)
    assert read_whole >= 15
    assert len(answers) == 300 - read_whole
    assert not any("\n" in answer or len(answer) > 700 for answer in answers)
    assert longest < 5
