"""A user's file is read as it is written, whatever its types and spellings."""

import dataclasses
import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from user_files import HEADER, ROWS, changed, drawn, frame, numbered, text

from benchmarks.core.errors import DataError
from benchmarks.tasks.splitting import SPLITS

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
