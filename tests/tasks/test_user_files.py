"""Users' files as they are: read as written, or refused in one sentence that names the row."""

import dataclasses
import hashlib
import os
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.core.errors import DataError, UserError
from benchmarks.tasks.oboe import Oboe
from benchmarks.tasks.splitting import SPLITS
from benchmarks.tasks.table import Table

HEADER = "grp,task,x,y"
ROWS = [
    f"g{group},{task},{row / 2 - 2},{(group - 3.5) * np.sin(row + task):.3f}"
    for group in range(8)
    for task in range(3)
    for row in range(6)
]


def text(header=HEADER, rows=ROWS, end="\n"):
    return end.join([header, *rows]) + end


def frame():
    table = pd.DataFrame([row.split(",") for row in ROWS], columns=HEADER.split(","))
    return table.astype({"task": int, "x": float, "y": float})


@pytest.fixture
def read(tmp_path):
    """Write a file, and make a table of it."""

    def make(content, file="data.csv", **fields):
        path = tmp_path / file
        if isinstance(content, str | bytes):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        elif isinstance(content, pd.DataFrame):
            content.to_parquet(path)
        elif content is not None:
            pq.write_table(content, path)
        known = {"task": ("grp", "task"), "x": ("x",), "y": "y", "split_by": "grp"}
        return Table(str(path), **{**known, **fields})

    return make


def drawn(family):
    """All points, in the order in which the same generator draws them."""
    batch = family.sample(18, "train", generator_of(0), shots=2, queries=4)
    return torch.cat([batch.support.y, batch.query.y, batch.support.x, batch.query.x], 1)


def numbered(rows, quote=""):
    return [f"{quote}{i + 1}{quote},{row}" for i, row in enumerate(rows)]


AS_WRITTEN = {
    "a comma ends every row": text(rows=[f"{row}," for row in ROWS]),
    "two commas do": text(rows=[f"{row},," for row in ROWS]),
    "a comma ends the header, too": text(f"{HEADER},", [f"{row}," for row in ROWS]),
    "a comma ends the header alone": text(f"{HEADER},"),
    "numbers come before a comma at the end": text(
        f"n,{HEADER}", [f"{r}," for r in numbered(ROWS)]
    ),
    "R's row names": text(rows=numbered(ROWS)),
    "R's row names in quotes": text('"grp","task","x","y"', numbered(ROWS, '"')),
    "rows that have names": text(rows=[f"row {i},{row}" for i, row in enumerate(ROWS)]),
    "blank lines": text(f"\n{HEADER}", [*ROWS[:7], "", "   ", *ROWS[7:], ""]),
    "Windows' ends of lines": text(end="\r\n"),
    "a byte-order mark": b"\xef\xbb\xbf" + text().encode(),
    "notes of several lines": text(f"{HEADER},n", [f'{r},"so,\nhe said ""it"" is"' for r in ROWS]),
    "spaces around names": text("grp, task,x ,y"),
    "a column twice that is not used": text(f"{HEADER},n,n", [f"{r},1,2" for r in ROWS]),
}


@pytest.mark.parametrize("case", AS_WRITTEN)
def test_what_is_certain_is_read_as_it_is_written(read, case):
    torch.testing.assert_close(
        drawn(read(AS_WRITTEN[case], "other.csv")), drawn(read(text())), rtol=0, atol=0
    )


def changed(row, to):
    return [*ROWS[:row], to, *ROWS[row + 1 :]]


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


SPELLINGS = {
    "a space": ("g{}", " g{}", "g{}  "),
    "a no-break space": ("g h{}", "g\u00a0h{}", "g  h{}"),
    "Unicode form": ("\u00e9{}", "e\u0301{}", "\u00e9{}\u00a0"),
    "width": ("g{}", "\uff47{}", "g\u200b{}"),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_one_group_written_in_several_ways_is_one_group(read, case):
    usual, *others = SPELLINGS[case]
    one = read(text(rows=[usual.format(row[1]) + row[2:] for row in ROWS]), "one.csv")
    many = read(
        text(rows=[[usual, *others][i % 3].format(row[1]) + row[2:] for i, row in enumerate(ROWS)])
    )
    assert [many.groups(split) for split in SPLITS] == [one.groups(split) for split in SPLITS]
    torch.testing.assert_close(drawn(many), drawn(one), rtol=0, atol=0)
    (note,) = (line for line in many.notes() if "column 'grp'" in line)
    assert "became one with it" in note
    assert len(one.notes()) == 1
    first = one.groups("test")[0]
    assert dataclasses.replace(many, test=(f" {first}",)).groups("test") == (first,)


def test_a_whole_number_is_the_same_with_a_point(read):
    rows = [row[1:].replace(",", ".0," if i % 2 else ",", 1) for i, row in enumerate(ROWS)]
    family = read(text(rows=rows))
    assert sum((family.groups(split) for split in SPLITS), ()) != ()
    assert {*sum((family.groups(split) for split in SPLITS), ())} == {*"01234567"}
    apart = read(text(rows=["0" * (i % 2) + row[1:] for i, row in enumerate(ROWS)]), "apart.csv")
    assert len(sum((apart.groups(split) for split in SPLITS), ())) == 16
    assert any("'0' and '00' count as two (7 more" in note for note in apart.notes())


def test_a_file_that_is_read_otherwise_than_before_has_another_fingerprint(read):
    """Trials that were run on shifted columns are not taken for those of the right ones."""
    digest = hashlib.sha256(text().encode()).hexdigest()
    assert read(text()).fingerprint == digest
    shifted = text(rows=[f"{row}," for row in ROWS])
    digest = hashlib.sha256(shifted.encode()).hexdigest()
    assert read(shifted).fingerprint != digest


def test_notes_count_rows_tasks_and_groups(read):
    first, *_ = read(text()).notes()
    assert first == (
        "read 144 rows in 24 tasks (of so many groups): train 15 (of 5), validation 3 (of 1), "
        "test 6 (of 2)"
    )
    holes = read(text(rows=changed(9, "g0,1,,1")), "holes.csv", drop_missing=True)
    assert holes.notes()[0].endswith("; 1 more left out, as a cell was empty")


@pytest.mark.parametrize("spread", [0, 1e-12])
def test_some_constant_targets_are_counted(read, spread):
    rows = [
        f"{r.rpartition(',')[0]},{7 + spread * i}" if r[:4] in ("g1,0", "g2,1") else r
        for i, r in enumerate(ROWS)
    ]
    family = read(text(rows=rows), test=("g1", "g2"))
    assert "2 of 6 test tasks have a constant target 'y'" in family.notes()


def test_a_huge_cell_is_named_and_makes_no_other_task_constant(read):
    family = read(text(rows=changed(9, "g0,1,1,1e5")), test=("g0", "g2"))
    (note,) = family.notes()[1:]
    assert note.startswith("column 'y' holds 100000 in row 10: ")


@pytest.mark.parametrize("dates", [(), ("x",)])
def test_inputs_far_outside_of_what_is_trained_on_are_counted(read, dates):
    def family(scale):
        rows = [r.split(",") for r in ROWS]
        for row in rows:
            row[2] = float(row[2]) * (scale if row[0] == "g1" else 1)
            if dates:
                row[2] = (pd.Timestamp("2020-01-01") + pd.Timedelta(row[2], "D")).isoformat()
        return read(text(rows=[",".join(map(str, row)) for row in rows]), test=("g1",), dates=dates)

    assert not family(1).notes()[1:]
    (note,) = family(10).notes()[1:]
    assert note.startswith("column 'x': ")
    assert "test rows lie far outside of what training rows have, " in note


def test_every_column_of_a_parquet_file_is_there(read):
    data = frame()
    wanted = drawn(read(data, "plain.parquet"))
    for name, same in {
        "index": data.set_index("grp"),
        "indices": data.set_index(["grp", "task"]),
        "categories": data.astype({"grp": "category", "task": "Int16"}),
        "a list beside": pa.Table.from_pandas(data).append_column("l", pa.array([[1]] * len(data))),
    }.items():
        torch.testing.assert_close(drawn(read(same, f"{name}.parquet")), wanted, rtol=0, atol=0)


def test_large_whole_numbers_name_different_groups(read):
    data = frame()
    group = data["grp"].str[1:].astype("uint64")
    for large in (2**53, 2**63):
        family = read(data.assign(grp=group + np.uint64(large)), "large.parquet")
        named = sum((family.groups(split) for split in SPLITS), ())
        assert {*named} == {str(large + i) for i in range(8)}
    with pytest.raises(DataError, match="names things by floats beyond 2"):
        read(data.assign(grp=group.astype(float) * 8 + 2**53), "f.parquet").problem  # noqa: B018


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
