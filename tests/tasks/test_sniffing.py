"""What a file seems to be written like."""

import gzip

import pandas as pd
import pytest

from benchmarks.tasks.sniffing import Form, sniff

ROWS = [[f"g{i // 6}", f"{i / 4 - 5}", f"{i * 0.37:.2f}"] for i in range(48)]


def written(delimiter=",", decimal=".", rows=ROWS, header=("g", "x", "y")):
    lines = [delimiter.join(header)]
    lines += [delimiter.join([r[0], *(n.replace(".", decimal) for n in r[1:])]) for r in rows]
    return "\n".join(lines) + "\n"


def holey(*texts):
    return [[*row[:2], texts[i % 9]] if i % 9 < len(texts) else row for i, row in enumerate(ROWS)]


CASES = {
    "plain": ("a.csv", written(), Form(",")),
    "semicolons and decimal commas": ("a.csv", written(";", ","), Form(";", ",")),
    "two columns of decimal commas": (
        "a.csv",
        "x;y\n" + "".join(f"{i},5;{i}\n" for i in range(9)),
        Form(";", ","),
    ),
    "a row cut off, and names with a space": (
        "a.csv",
        "".join(f"{line}\n" for line in ["g,x,y", *("a b,1.5,2" for _ in range(9)), "a b,1"]),
        Form(","),
    ),
    "semicolons and points": ("a.csv", written(";"), Form(";")),
    "tabs": ("a.tsv", written("\t"), Form("\t")),
    "tabs in a .csv": ("a.csv", written("\t", ","), Form("\t", ",")),
    "commas in a .txt": ("a.txt", written(), Form(",")),
    "bars": ("a.txt", written("|"), Form("|")),
    "runs of spaces": ("a.txt", written("   "), Form(" ")),
    "quoted decimal commas": (
        "a.csv",
        "g,x,y\n" + "".join(f'a,"{i},25","{i},5"\n' for i in range(9)),
        Form(",", ","),
    ),
    "quoted thousands": (
        "a.csv",
        "g,x,y\n" + "".join(f'a,"{i + 1},250",{i}\n' for i in range(9)),
        Form(","),
    ),
    "text with semicolons": (
        "a.csv",
        "g,x,y\n" + "".join(f"a;b;c,{i},{i}\n" for i in range(9)),
        Form(","),
    ),
    "a comma that ends every row": ("a.csv", written().replace("\n", ",\n"), Form(",")),
    "R's row names": (
        "a.csv",
        "\n".join(f"{i},{line}" if i else line for i, line in enumerate(written().splitlines())),
        Form(","),
    ),
    "Latin-1": ("a.csv", written().replace("g1", "é").encode("latin-1"), Form(",", ".", "latin-1")),
    "Windows": ("a.csv", written().replace("g1", "5 €").encode("cp1252"), Form(",", ".", "cp1252")),
    "UTF-16": ("a.csv", written(";").encode("utf-16"), Form(";", ".", "utf-16")),
    "UTF-16 without a mark": ("a.csv", written().encode("utf-16-le"), Form(",", ".", "utf-16-le")),
    "a byte-order mark": ("a.csv", b"\xef\xbb\xbf" + written().encode(), Form(",")),
    "packed": ("a.tsv.gz", gzip.compress(written("\t").encode()), Form("\t")),
    "missing": (
        "a.csv",
        written(rows=holey("n/a", ".", "?", "NA", "")),
        Form(",", missing=(".", "?", "n/a")),
    ),
    "-999": ("a.csv", written(rows=holey("-999", "-999.0")), Form(",", missing=("-999", "-999.0"))),
    "a -99 among its like": ("a.csv", written(rows=holey("-99", "-97", "120")), Form(",")),
    "names that look missing": ("a.csv", "g,x\n?,1\nn/a,2\nb,3\n", Form(",")),
    "one column": ("a.csv", "x\n1\n2\n", Form(",")),
    "nothing": ("a.csv", "", Form(",")),
}


@pytest.mark.parametrize("case", CASES)
def test_the_form_of_a_file_is_seen(tmp_path, case):
    name, content, form = CASES[case]
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert sniff(str(path)) == form


def test_missing_texts_are_seen_in_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame(holey("?", "."), columns=["g", "x", "y"]).to_parquet(path)
    assert sniff(str(path)) == Form(missing=(".", "?"))
