"""`reml init`: from data in any form to a matrix that runs; nothing is overwritten."""

import gzip
import os
import sys
import tomllib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks.cli import main
from benchmarks.core.errors import UserError
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.trial.trial import run_trial
from benchmarks.start.parts import Wanted
from benchmarks.start.tables import survey


def table():
    """Twelve curves of ten points; names and numbers that encodings and decimals change."""
    rng = np.random.default_rng(0)
    days = np.tile(np.arange(10.0) / 2, 12)
    who = np.repeat([f"süd {i}" for i in range(12)], 10)
    score = np.sin(days + rng.normal(size=12).repeat(10)) + rng.normal(size=120) / 9
    return pd.DataFrame({"who": who, "day": days, "größe": score.round(3)})


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def complaint(capsys):
    def run(*arguments):
        assert main(["init", *map(str, arguments)]) == 2
        errors = capsys.readouterr().err
        assert errors.startswith("reml: ")
        assert errors.count("\n") == 1
        return errors

    return run


def write_pictures(folder, classes=8, each=6, size=(9, 9)):
    rng = np.random.default_rng(0)
    for number in range(classes):
        place = folder / f"class{number}"
        place.mkdir(parents=True)
        for i in range(each):
            pixels = rng.integers(0, 255, size, dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{i}.png")


FORMS = {
    "plain.csv": lambda it, path: it.to_csv(path, index=False),
    "numbered.csv": lambda it, path: it.to_csv(path),
    "tabs.tsv": lambda it, path: it.to_csv(path, sep="\t", index=False),
    "german.csv": lambda it, path: it.to_csv(
        path, sep=";", decimal=",", encoding="latin-1", index=False
    ),
    "packed.csv.gz": lambda it, path: path.write_bytes(
        gzip.compress(it.to_csv(index=False).encode())
    ),
    "columns.parquet": lambda it, path: it.to_parquet(path),
    "sheet.xlsx": lambda it, path: it.to_excel(path, index=False),
    "holes.csv": lambda it, path: (
        it.astype({"größe": object})
        .assign(größe=lambda of: of["größe"].mask(of.index % 40 == 7, "?"))
        .to_csv(path, index=False)
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_makes_a_matrix_of_the_same_tasks(here, form, capsys):
    if form.endswith("xlsx"):
        pytest.importorskip("openpyxl")
    FORMS[form](table(), here / form)
    assert main(["init", form]) == 0
    said = capsys.readouterr().out
    assert "12 tasks of 10 points" in said
    assert "reml run matrix.toml" in said.splitlines()[-1]
    (family,) = tomllib.loads((here / "matrix.toml").read_text())["family"]
    known = {key: family[key] for key in ("name", "path", "task", "x", "y", "split_by")}
    assert known == {
        **{"name": "table", "path": form, "task": ["who"], "x": ["day"]},
        **{"y": "größe", "split_by": "who"},
    }
    assert (family.get("missing"), family.get("drop_missing")) == (
        (["?"], True) if form == "holes.csv" else (None, None)
    )
    trials = expand(load_matrix("matrix.toml"), Registry())
    assert {trial.fold for trial in trials} == {0, 1, 2, 3, 4}  # 3 test groups make no verdict
    assert len(trials) == 3 * 5 * len({trial.learner.label for trial in trials}) == 165


def test_what_was_written_runs(here):
    (here / "data").mkdir()
    table().to_csv(here / "data" / "d.csv", index=False)
    assert main(["init", "data/d.csv", "--unit", "cm", "--out", "data/m.toml"]) == 0
    text = (here / "data" / "m.toml").read_text()
    assert 'unit = "cm"' in text
    assert "tasks = 5_000" in text
    tiny = text.replace("tasks = 5_000", "tasks = 20").replace("seeds = 3", "seeds = 1")
    tiny = tiny.replace("folds = 5", "").replace("draws = 10", "")
    (here / "data" / "m.toml").write_text(tiny)
    trials = expand(load_matrix("data/m.toml"), Registry())
    assert [trial.learner.name for trial in trials][::10] == ["mean", "reml"]
    for trial in trials:
        record = run_trial(trial, Registry(), here / trial.id)
        assert record["status"] == "done", record["reason"]
        assert record["problem"]["unit"] == "cm"


def test_a_logarithm_is_proposed_where_a_target_spans_orders_of_magnitude(here, capsys):
    data = table().assign(größe=lambda it: 10 ** (2 * it["größe"]))
    data.to_csv(here / "d.csv", index=False)
    data.assign(größe=lambda it: it["größe"] - 5).to_csv(here / "below.csv", index=False)
    assert main(["init", "d.csv"]) == 0
    assert "note: größe spans orders of magnitude; see log in the matrix" in capsys.readouterr().out
    text = (here / "matrix.toml").read_text()
    assert '\n# log = ["größe"] ' in text
    (here / "matrix.toml").write_text(text.replace("# log", "log"))
    assert expand(load_matrix("matrix.toml"), Registry())
    assert main(["init", "below.csv", "--out", "other.toml"]) == 0
    assert "log = " not in (here / "other.toml").read_text()


def test_what_needs_a_missing_package_is_left_out_and_said(here, capsys, monkeypatch):
    table().to_csv(here / "d.csv", index=False)
    write_pictures(here / "album")
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    monkeypatch.setitem(sys.modules, "skimage", None)
    for data, learner, package in (
        ("d.csv", "mixed", "statsmodels"),
        ("album", "features", "skimage"),
    ):
        out = f"{learner}.toml"
        assert main(["init", data, "--out", out]) == 0
        said = f"it needs {package}, which is not installed; see `reml doctor`"
        assert f"{learner} is left out: {said}\n" in capsys.readouterr().out
        text = (here / out).read_text()
        assert f'# {said}\n# [[learner]]\n# name = "{learner}"\n' in text
        assert learner not in {it.learner.name for it in expand(load_matrix(out), Registry())}


def test_pictures_make_a_matrix_that_runs(here, capsys):
    write_pictures(here / "album")
    assert main(["init", "album"]) == 0
    assert "48 pictures in 8 classes, of 6 each" in capsys.readouterr().out
    tiny = (here / "matrix.toml").read_text().replace("tasks = 2_000", "tasks = 2")
    (here / "matrix.toml").write_text(tiny.replace("tasks = 200 ", "tasks = 2 "))
    trials = expand(load_matrix("matrix.toml"), Registry())
    assert {trial.family.fields["ways"] for trial in trials} == {2}
    cheap = [it for it in trials if it.learner.name in ("nearest_centroid", "protonet")]
    for trial in cheap[::3]:
        assert run_trial(trial, Registry(), here / trial.id)["status"] == "done"


def test_pictures_that_lie_elsewhere_are_pointed_to(here, complaint):
    write_pictures(here / "all" / "deep")
    write_pictures(here / "few", classes=4)
    assert "name one, as in `reml init all/deep`" in complaint("all")
    assert "holds 6 pictures in no class" in complaint("all/deep/class0")
    assert "holds 4 classes with pictures; expected at least 5" in complaint("few")
    (here / "empty").mkdir()
    assert "holds no pictures" in complaint("empty")
    (here / "empty" / "d.csv").write_text("a\n1\n")
    assert "`reml init empty/d.csv`" in complaint("empty")


def test_nothing_is_overwritten(here, complaint):
    table().to_csv("d.csv", index=False)
    (here / "matrix.toml").write_text("mine")
    os.symlink("nowhere", "dangling.toml")
    assert "matrix.toml: is there already; give another with --out FILE" in complaint("d.csv")
    assert "is there already" in complaint("d.csv", "--out", "dangling.toml")
    assert "is a folder" in complaint("d.csv", "--out", here)
    assert "there is no folder" in complaint("d.csv", "--out", "none/m.toml")
    assert "matrix.toml: is there already" in complaint("quick")
    assert (here / "matrix.toml").read_text() == "mine"
    assert not (here / "nowhere").exists()


def test_nothing_is_left_where_the_data_cannot_be_used(here, complaint):
    table().assign(größe=5.0).to_csv("d.csv", index=False)
    assert "d.csv: " in complaint("d.csv", "--task", "who", "--x", "day", "--y", "größe")
    assert sorted(os.listdir()) == ["d.csv"]


def test_without_data_it_says_what_there_is(here, capsys):
    assert main(["init"]) == 0
    listed = capsys.readouterr().out
    assert "metoffice" in listed
    assert "reml new KIND NAME" in listed
    assert os.listdir() == []
    assert main(["init", "quick", "--out", "mine.toml"]) == 0
    assert load_matrix("mine.toml").name == "quick"


def test_what_is_not_there_is_said(here, complaint):
    assert "is no file, no folder and no template; did you mean 'quick'?" in complaint("qiuck")
    (here / "matrix.toml").write_text("mine")
    assert "none.csv: is no file, no folder and no template" in complaint("none.csv")


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="a folder that not even root can write to")
def test_a_place_that_cannot_be_written_to_is_named_before_anything_else_is_said(here, capsys):
    table().to_csv("d.csv", index=False)
    assert main(["init", "d.csv", "--out", "/proc/m.toml"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("reml: /proc/m.toml: cannot be written (")


def test_a_terminal_without_braille_gets_plain_characters(here, capsys, monkeypatch):
    table().to_csv("d.csv", index=False)
    monkeypatch.setattr(type(sys.stdout), "encoding", "ascii", raising=False)
    assert main(["init", "d.csv"]) == 0
    assert not any("\u2800" <= it < "\u2900" for it in capsys.readouterr().out)


RUBBISH = {
    "empty.csv": b"",
    "spaces.csv": b"  \n\n",
    "header.csv": b"a,b,c\n",
    "one.csv": b"a\n1\n2\n",
    "nul.csv": b"a,b\n\0,1\n2,3\n",
    "quote.csv": b'a,b,c\n1,2,"oops\n3,4,5\n',
    "ragged.csv": b"a,b,c\n1,2,3\n4,5\n",
    "twice.csv": b"a,a,b\n1,2,3\n1,2,4\n",
    "zip.csv": b"PK\x03\x04" + bytes(range(256)),
    "text.parquet": b"a,b\n1,2\n",
    "text.xlsx": b"a,b\n1,2\n",
    "text.csv.gz": b"a,b\n1,2\n",
    "data.json": b"{}",
    "huge.csv": b"g,x,y\n" + b"\n".join(b"%d,%d,1e400" % (i // 4, i % 4) for i in range(40)),
}


@pytest.mark.parametrize("file", RUBBISH)
def test_rubbish_is_one_sentence(here, complaint, file):
    (here / file).write_bytes(RUBBISH[file])
    assert file in complaint(file)
    assert os.listdir() == [file]


def test_a_pipe_keeps_nobody_waiting(here, complaint):
    os.mkfifo("pipe.csv")
    assert "is a named pipe" in complaint("pipe.csv")


def test_any_damage_is_roles_or_one_sentence(here):
    rng = np.random.default_rng(0)
    sound, path, whole = table().to_csv(index=False).encode(), here / "d.csv", 0
    sentences: list[str] = []
    bits = [b",", b";", b'"', b"\n", b"\0", b"", b"\xff", b"1e308", b"nan", b"-999", b"\t", b"?"]
    for _ in range(60):
        content = bytearray(sound)
        for _ in range(rng.integers(1, 3)):
            at, width = int(rng.integers(len(content))), int(rng.choice([0, 1, 60]))
            content[at : at + width] = bits[rng.integers(len(bits))]
        path.write_bytes(content)
        try:
            found = survey(path, Wanted())
            assert found.said()
            assert found.picture()
            whole += bool(found.matrix(here / "m.toml"))
        except UserError as error:
            sentences.append(str(error))
    assert whole >= 5
    assert not any("\n" in it or len(it) > 1000 for it in sentences)
