"""Files and columns from which no tasks can be made: one sentence each."""

import numpy as np
import pytest
from towns import frame

from benchmarks.core.errors import DataError
from benchmarks.tasks.table import Table


def plain(path):
    return Table(str(path), task=("group", "task"), x=("x",), y="y", split_by="group")


BAD_FILES = {
    "is of another kind": (
        "data.json",
        "a",
        "data.json: expected a file that ends in .csv, .tsv, .txt, .csv.gz, .tsv.gz, .txt.gz, "
        ".parquet or .xlsx",
    ),
    "is empty": ("data.csv", "", "data.csv: is not a csv file (No columns to parse from file)"),
    "holds no rows": ("data.csv", "group,task,x,y\n", "data.csv: holds no rows"),
    "is ragged": (
        "data.csv",
        "a,b\n1,2\n1,2,3\n",
        "data.csv: row 2 (line 3) has 3 fields, and the header has 2; expected as many",
    ),
    "is no parquet": ("a.parquet", "a,b\n", "a.parquet: is not a parquet file ("),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path, case):
    file, text, message = BAD_FILES[case]
    (tmp_path / file).write_text(text)
    with pytest.raises(DataError) as error:
        plain(tmp_path / file).problem  # noqa: B018
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_text_is_one_sentence(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes("group,task,x,y\nZürich,1,2,3\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"latin.csv: is not a csv file \('utf-8' codec"):
        plain(path).problem  # noqa: B018


@pytest.mark.parametrize("read", ["problem", "fingerprint"])
@pytest.mark.parametrize(
    ("file", "reason"), [("gone.csv", "No such file"), ("folder.csv", "Is a directory")]
)
def test_what_is_no_file_cannot_be_read(tmp_path, file, reason, read):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=rf"{file}: cannot be read \({reason}"):
        getattr(plain(tmp_path / file), read)


def bad(**cells):
    """The good data with row 5 changed."""
    data = frame().astype(object)
    for column, value in cells.items():
        data.loc[4, column] = value
    return data


BAD_DATA = {
    "text in an input": (
        bad(x="n.b."),
        {},
        "data.csv: column 'x' holds 'n.b.' in row 5; expected finite numbers, "
        "or the column's name in categorical",
    ),
    "text in the target": (
        bad(y="12,5"),
        {},
        "data.csv: column 'y' holds '12,5' in row 5; expected finite numbers",
    ),
    "all text": (
        None,
        {"x": ("colour",)},
        "column 'colour' holds 'blue' in row 1 and in 179 more rows something like it;",
    ),
    "infinity": (bad(x="inf"), {}, "column 'x' holds 'inf' in row 5; expected finite numbers"),
    "a hole in the target": (
        bad(y=None),
        {},
        "data.csv: column 'y' is empty in 1 of 180 rows; set drop_missing = true",
    ),
    "nothing but holes": (
        frame().assign(y=np.nan),
        {"drop_missing": True},
        "data.csv: no row has all the columns group, task, x, y",
    ),
    "an unknown target": (
        None,
        {"y": "42"},
        "data.csv: no column '42'; known: colour, group, row, task, x, y",
    ),
    "an unknown input": (None, {"x": ("colours",)}, "no column 'colours'; did you mean 'colour'?"),
    "an unknown task": (None, {"task": ("taks",)}, "no column 'taks'; did you mean 'task'?"),
    "an unknown split": (None, {"split_by": "gruop"}, "no column 'gruop'; did you mean 'group'?"),
    "no task": (None, {"task": ()}, "data.csv: task names no column; expected at least one"),
    "no input": (None, {"x": ()}, "data.csv: x names no column; expected at least one"),
    "the target as an input": (None, {"x": ("x", "y")}, "the target 'y' is also an input"),
    "a category that is no input": (
        None,
        {"categorical": ("colour",)},
        "categorical names 'colour', which is not in x",
    ),
    "an unknown group": (
        None,
        {"test": ("11",)},
        "test names '11', which column 'group' does not hold; did you mean '1'?",
    ),
    "a group in two splits": (
        None,
        {"train": (1, 2), "test": (2,)},
        "group '2' is in both train and test",
    ),
    "too few groups": (
        frame(groups=2),
        {},
        "no group is left for the train split; column 'group' holds 2",
    ),
    "a task in two groups": (
        None,
        {"task": ("task",)},
        "the task of task 0 has rows in 10 groups of 'group'; expected one",
    ),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_data_that_cannot_be_used_is_one_sentence(table, case):
    data, fields, message = BAD_DATA[case]
    with pytest.raises(DataError) as error:
        table(data, **fields).problem  # noqa: B018
    assert message in str(error.value)
    assert "\n" not in str(error.value)
