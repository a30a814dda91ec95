"""Files of every form go all the way: `reml init` guesses, a trial runs, `reml predict` answers."""

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.cli import main
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import load_checkpoint
from benchmarks.harness.predict.new_task import predict
from benchmarks.harness.trial.trial import run_trial

GROUPS, EACH, ASKED = 10, 8, (3, 6)


def table():
    """Curves, the last two values of whose last are not known."""
    rng = np.random.default_rng(0)
    day = np.tile(np.arange(EACH) / 2, GROUPS)
    who = np.repeat([f"süd {i}" for i in range(GROUPS)], EACH)
    score = np.sin(day + rng.normal(size=GROUPS).repeat(EACH)) + rng.normal(size=len(day)) / 9
    return pd.DataFrame({"who": who, "day": day, "größe": score.round(3)})


def asked(data):
    """One curve, of which some values are to be predicted."""
    new = data[-EACH:].reset_index(drop=True)
    targets = ["kind"] if "kind" in new else [it for it in ("größe", "länge") if it in new]
    return new.assign(**{name: new[name].mask(new.index.isin(ASKED)) for name in targets})


def dated(form):
    def changed(it):
        when = pd.Timestamp("2024-02-01 06:00") + pd.to_timedelta(2 * it["day"], "D")
        return it.assign(day=when.dt.strftime(form))

    return changed


def arrow(*types):
    """Parquet with the columns of these types."""

    def write(data, path):
        columns = [
            pa.array([None if it is None or it != it else it for it in data[name]]) for name in data
        ]
        cast = [
            it.dictionary_encode() if kind == "dictionary" else it.cast(kind)
            for it, kind in zip(columns, types, strict=True)
        ]
        pq.write_table(pa.table(dict(zip(data, cast, strict=True))), path)

    return write


def text(**how):
    return lambda data, path: data.to_csv(path, index=False, **how)


def packed(data, path):
    path.write_bytes(gzip.compress(data.to_csv(index=False, sep="\t").encode()))


FORMS = {
    "commas": ("d.csv", text(), None),
    "tabs": ("d.tsv", text(sep="\t"), None),
    "bars in a .txt": ("d.txt", text(sep="|"), None),
    "semicolons, decimal commas, Latin-1": (
        "d.csv",
        text(sep=";", decimal=",", encoding="latin-1"),
        None,
    ),
    "UTF-16": ("d.csv", text(encoding="utf-16"), None),
    "UTF-8 with a mark": ("d.csv", text(encoding="utf-8-sig"), None),
    "gzip": ("d.tsv.gz", packed, None),
    "row numbers": ("d.csv", lambda data, path: data.to_csv(path), None),
    "question marks for what is missing": ("d.csv", text(na_rep="?"), None),
    "n/a for what is missing": ("d.csv", text(na_rep="n/a"), None),
    "Excel": ("d.xlsx", lambda data, path: data.to_excel(path, index=False), None),
    "ISO dates": ("d.csv", text(), dated("%Y-%m-%d")),
    "dates and times": ("d.csv", text(), dated("%Y-%m-%d %H:%M")),
    "German dates": ("d.csv", text(sep=";", decimal=","), dated("%d.%m.%Y")),
    "strings": ("d.parquet", arrow("string", "string", "string"), None),
    "views of strings, floats": ("d.parquet", arrow("string_view", "float64", "float64"), None),
    "dictionaries": ("d.parquet", arrow("dictionary", "dictionary", "float64"), None),
    "decimals": (
        "d.parquet",
        arrow("large_string", pa.decimal128(9, 1), "float64"),
        None,
    ),
    "timestamps": (
        "d.parquet",
        arrow("string", "timestamp[ns]", "float64"),
        lambda it: it.assign(
            day=(
                pd.Timestamp("2024-02-01") + pd.to_timedelta(2 * it["day"], "D")
            ).dt.to_pydatetime()
        ),
    ),
    "nullable": (
        "d.parquet",
        lambda data, path: data.convert_dtypes().to_parquet(path, index=False),
        lambda it: it.assign(day=(2 * it["day"]).astype("Int64")),
    ),
}


def answered(folder, name, write, data, *options, learner="gp"):
    """What a learner predicts of the rows asked about, all the way from a file."""
    write(data, folder / name)
    out = folder / "m.toml"
    assert main(["init", str(folder / name), "--out", str(out), *options]) == 0
    out.write_text(out.read_text().replace("seeds = 3", "seeds = 1").replace("draws = 10", ""))
    trial = next(
        it for it in expand(load_matrix(str(out)), Registry()) if it.learner.name == learner
    )
    (folder / "trial").mkdir()
    record = run_trial(trial, Registry(), folder / "trial")
    assert record["status"] == "done", record.get("traceback")
    new = folder / f"new-{name}"
    write(asked(data), new)
    return predict(load_checkpoint(folder / "trial", Registry()), new).table


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    found = answered(tmp_path_factory.mktemp("usual"), "d.csv", text(), table())
    assert len(found) == len(ASKED)
    assert list(found) == ["who", "day", "größe", "low", "high"]
    return found


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_guessed_run_and_predicted(tmp_path, usual, form):
    name, write, change = FORMS[form]
    if name.endswith("xlsx"):
        pytest.importorskip("openpyxl")
    found = answered(tmp_path, name, write, table() if change is None else change(table()))
    assert {*found["who"]} == {"süd 9"}
    for column in ("größe", "low", "high"):
        assert found[column].to_numpy() == pytest.approx(usual[column].to_numpy(), abs=0.02)


def test_several_targets_go_the_whole_way(tmp_path):
    data = table().assign(länge=lambda it: (300 - 20 * it["größe"]).round(3))
    found = answered(tmp_path, "d.csv", text(sep=";"), data, "--y", "größe,länge")
    assert list(found)[2:4] == ["größe", "länge"]
    assert found["länge"].to_numpy() == pytest.approx(300 - 20 * found["größe"], abs=3)
    assert {"größe low", "länge high"} <= {*found}


def test_classes_go_the_whole_way(tmp_path):
    data = table().assign(kind=lambda it: np.where(it["day"] > 1.6, "late", "early"))
    found = answered(
        tmp_path, "d.tsv", text(sep="\t"), data, "--y", "kind", learner="logistic_regression"
    )
    assert set(found["kind"]) <= {"early", "late"}
    assert found["p(late)"].iloc[0] < found["p(late)"].iloc[1]
    assert found["p(late)"].to_numpy() == pytest.approx(1 - found["p(early)"])
