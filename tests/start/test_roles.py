"""What columns are for is told from what they hold, as one would oneself."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.core.errors import UserError
from benchmarks.start.parts import Wanted
from benchmarks.start.tables import survey

RNG = np.random.default_rng(0)


def crossed(**levels):
    """All combinations of the levels, the last varying fastest."""
    return pd.MultiIndex.from_product(levels.values(), names=levels).to_frame(index=False)


def measured(table, *names, digits=4):
    return table.assign(**{name: RNG.normal(50, 9, len(table)).round(digits) for name in names})


def sleep():
    return measured(crossed(Subject=range(308, 326), Days=range(10)), "Reaction")


def growth():
    table = crossed(Chick=range(1, 31), Time=[*range(0, 21, 2), 21])
    table["Diet"] = 1 + table["Chick"] // 10
    return measured(table, "weight")[["weight", "Time", "Chick", "Diet"]]


def weather():
    table = crossed(station=list("abcdefghij"), year=range(1990, 1996), month=range(1, 13))
    table = measured(table, "tmax_degC")
    table.loc[:5, "tmax_degC"] = np.nan
    return table.assign(sun=np.where(table.index % 3 == 0, np.nan, 1.5 * table.index))


def brain():
    table = crossed(subject=[f"s{i}" for i in range(14)], event=["cue", "stim"], region=["f", "p"])
    table = table.merge(pd.DataFrame({"timepoint": range(9)}), how="cross")
    return measured(table, "signal").sample(frac=1, random_state=0)


def plants():
    table = crossed(Plant=[f"Q{i}" for i in range(12)], conc=[95, 175, 250, 350, 500, 675, 1000])
    number = table["Plant"].str[1:].astype(int)
    table["Type"], table["Dose"] = np.where(number % 2, "Quebec", "Mississippi"), number / 7
    return measured(table, "uptake", digits=1)


def pupils():
    """Numbers of pupils are those of their school, and start anew in each."""
    table = crossed(school=range(1, 11), pupil=range(1, 7), test=range(8))
    return measured(table, "score")


def students():
    """Each has a name of its own."""
    table = crossed(student=[f"st{i}" for i in range(60)], age=[6.0, 6.5, 7.5, 8.0, 9.5])
    table.insert(0, "school", "S" + (table["student"].str[2:].astype(int) // 5).astype(str))
    return measured(table, "height")


def passengers():
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
    return measured(crossed(year=range(1949, 1961), month=months), "passengers")


def classes():
    """Sex is no part of a task where nothing is measured for both alike."""
    table = measured(crossed(School=[f"sch{i}" for i in range(20)], n=range(24)), "SES", "mark")
    return table.assign(Sex=np.where(RNG.random(480) < 0.5, "F", "M")).drop(columns="n")


def houses():
    """There are fewer years than cities, yet cities are what is new."""
    table = crossed(city=[f"c{i}" for i in range(30)], year=range(2000, 2010), month=range(1, 13))
    return measured(table.assign(iso=table["city"].str.upper()), "sales")


def visits():
    table = crossed(
        patient=range(1, 21), visit=pd.date_range("2020-01-31", periods=9).strftime("%F")
    )
    return measured(table, "dose", "pressure")


KNOWN = {
    "classes": (classes, ("School",), ("SES", "Sex"), "mark", "School"),
    "houses": (houses, ("city", "year"), ("month",), "sales", "city"),
    "visits": (visits, ("patient",), ("visit", "dose"), "pressure", "patient"),
    "sleep": (sleep, ("Subject",), ("Days",), "Reaction", "Subject"),
    "growth": (growth, ("Chick",), ("Time",), "weight", "Chick"),
    "weather": (weather, ("station", "year"), ("month",), "tmax_degC", "station"),
    "brain": (brain, ("subject", "event", "region"), ("timepoint",), "signal", "subject"),
    "plants": (plants, ("Plant",), ("conc",), "uptake", "Plant"),
    "pupils": (pupils, ("school", "pupil"), ("test",), "score", "school"),
    "students": (students, ("student",), ("age",), "height", "school"),
    "passengers": (passengers, ("year",), ("month",), "passengers", "year"),
}


@pytest.fixture
def look(tmp_path):
    def make(table, index=False, **said):
        path = tmp_path / "data.csv"
        table.to_csv(path, index=index)
        return survey(path, Wanted(**said))

    return make


def names(found):
    fields = found.fields
    return fields["task"], fields["x"], fields["y"], fields["split_by"]


@pytest.mark.parametrize("case", KNOWN)
@pytest.mark.parametrize("numbered", [False, True])
def test_roles_are_as_one_would_give_them(look, case, numbered):
    make, *expected = KNOWN[case]
    found = look(make(), index=numbered)
    said = {key: set(it) if isinstance(it, tuple) else it for key, it in enumerate(names(found))}
    assert said == {k: set(it) if isinstance(it, tuple) else it for k, it in enumerate(expected)}
    if numbered:
        assert found.roles.left_out["Unnamed: 0"] == "it numbers the rows"


def test_what_is_left_out_has_a_reason(look):
    table = sleep().assign(
        again=lambda it: it["Reaction"],
        scaled=lambda it: 3 - 2 * it["Reaction"],
        ranks=lambda it: it["Reaction"].rank(method="dense"),
        shares=lambda it: it["Reaction"] / it.groupby("Subject")["Reaction"].transform("sum"),
        weight=lambda it: 60 + it["Subject"] / 7,
        same=5,
        nothing=np.nan,
        note=[f"note {i}" for i in range(180)],
        half=lambda it: np.where(it.index % 2, np.nan, it["Days"] ** 2),
        remark=lambda it: it["Days"].map(lambda day: ["a", "", "a", "n/a"][day % 4]),
        nearly=[*range(1, 171), *["high"] * 10],
    )
    found = look(table[[*table.columns.drop("Reaction"), "Reaction"]])
    assert names(found) == (("Subject",), ("Days",), "Reaction", "Subject")
    reasons = found.roles.left_out
    assert reasons["again"] == "it is the target Reaction again"
    for name in ("scaled", "ranks"):
        assert reasons[name] == "it gives the target Reaction away (correlation 1)"
    assert reasons["shares"].endswith("(correlation 1 within each task)")
    assert reasons["weight"] == "it never varies within a task"
    assert reasons["same"] == "it has the same value in every row"
    assert reasons["nothing"] == "it is empty"
    assert reasons["note"] == "its texts are all different"
    assert reasons["half"] == "it is empty in 50% of the rows"
    assert reasons["remark"] == "it is empty in 50% of the rows"
    assert "text such as 'high'" in reasons["nearly"]
    assert set(table) == {"Subject", "Days", "Reaction", *reasons}


def test_a_target_that_is_a_line_of_its_input_keeps_it(look):
    found = look(sleep().assign(Reaction=lambda it: 2.0 * it["Days"]))
    assert names(found)[1] == ("Days",)


def test_inputs_that_are_names_are_categories(look):
    found = look(passengers())
    assert found.fields["categorical"] == ("month",)


def test_what_is_said_wins(look):
    table = growth().assign(other=lambda it: it["weight"] ** 2 + it["Time"])
    found = look(table, task=("Diet", "Chick"), x=("Time", "weight"), y=("other",), split_by="Diet")
    assert names(found) == (("Diet", "Chick"), ("Time", "weight"), "other", "Diet")
    assert look(table, y=("weight",)).fields["y"] == "weight"
    assert look(table, split_by="Diet").fields["split_by"] == "Diet"
    assert look(table, x=("Time",), y=("other",)).fields["x"] == ("Time",)


def test_columns_may_stand_in_one_option_or_in_several(look):
    table = growth().rename(columns={"Diet": "Diet, kind"})
    for task in (("Diet, kind, Chick",), ("Chick", "Diet, kind")):
        with pytest.raises(UserError, match="unknown column 'Diet'"):
            look(table, task=(*task, "Diet"))
    assert look(table, task=("Chick", "Diet, kind")).fields["task"] == ("Chick", "Diet, kind")
    assert look(growth(), task=("Diet, Chick",)).fields["task"] == ("Diet", "Chick")
    with pytest.raises(UserError, match="--x: unknown column ''"):
        look(table, x=("Time,",))


KINDS = {"sit": 3, "run": 7, "walk": 2, "lie": 9}


def recordings(name="activity"):
    """Three sensors of ten people who do one of four things, and a number for each thing."""
    table = crossed(subject=range(1, 11), turn=range(6), activity=["sit", "run", "walk", "lie"])
    table = measured(table.drop(columns="turn"), "acc_x", "acc_y", "acc_z")
    return table.assign(code=table["activity"].map(KINDS)).rename(columns={"activity": name})


CLASSES = {
    "by name": (recordings, {}),
    "as said": (lambda: recordings("doing"), {"y": ("doing",)}),
    "numbers called classes": (
        lambda: recordings("label").assign(label=lambda it: it["label"].map(len) % 3),
        {},
    ),
}


@pytest.mark.parametrize("case", CLASSES)
def test_a_target_of_classes_is_told(look, case, tmp_path):
    make, said = CLASSES[case]
    found = look(make(), **said)
    fields = found.fields
    assert (fields["task"], fields["ways"]) == (("subject",), len({*make()[fields["y"]]}))
    assert fields["x"] == ("acc_x", "acc_y", "acc_z")
    if "code" in make():
        assert "away (each of its values is of one)" in found.roles.left_out["code"]
    assert found.shots in [(3,), (2, 4), (5,), (4, 6), (5, 9)]
    assert 'name = "logistic_regression"' in found.matrix(tmp_path / "m.toml")
    assert not found.picture()


def test_text_that_is_no_obvious_class_stays_an_input(look):
    found = look(recordings("posture").drop(columns="code"))
    assert names(found) == (("subject",), ("posture", "acc_x", "acc_y"), "acc_z", "subject")
    found = look(recordings().rename(columns={"acc_z": "value"}).drop(columns="code"))
    assert names(found)[2] == "value"
    found = look(recordings(), task=("subject", "activity"))
    assert names(found)[2] == "acc_z"


def test_several_targets_are_those_that_are_named(look):
    found = look(recordings(), y=("acc_x, acc_y",), x=("activity",))
    assert found.fields["y"] == ("acc_x", "acc_y")
    for y, sentence in {
        ("acc_x", "acc_x"): "--y names acc_x, acc_x; expected each once",
        ("acc_x", "activity"): "--y activity holds text; expected numbers in each of several",
        ("acc_x", "nothing"): "--y: unknown column 'nothing'",
    }.items():
        with pytest.raises(UserError, match=sentence):
            look(recordings(), y=y)
    with pytest.raises(UserError, match="240 different texts in 240 rows; expected a few"):
        look(recordings().assign(note=[f"n {i}" for i in range(240)]), y=("note",))


REFUSED = {
    "nothing that repeats": (
        lambda: measured(pd.DataFrame(index=range(40)), "a", "b", "c"),
        {},
        "cannot tell which columns make a task (3 columns, 3 of numbers",
    ),
    "one task a row": (
        lambda: measured(pd.DataFrame(index=range(40)), *(f"day{i}" for i in range(12))),
        {},
        "if each row is a task, make it long first",
    ),
    "too few groups": (
        lambda: measured(crossed(species=["a", "b", "c"], time=range(20)), "length"),
        {},
        "species names 3 groups; expected at least 4",
    ),
    "no target": (
        lambda: crossed(who=list("abcdef"), note=["x", "y"]),
        {},
        "so there is no target",
    ),
    "no input": (lambda: sleep()[["Subject", "Reaction"]], {}, "so there is no input"),
    "a task a row": (sleep, {"task": ("Subject", "Days")}, "is one row, so nothing is left"),
    "no such column": (sleep, {"task": ("Subjekt",)}, "--task: unknown column 'Subjekt'; did you"),
    "a split within tasks": (sleep, {"split_by": "Days"}, "--split-by Days has several values"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_told_is_one_sentence(look, case):
    make, said, sentence = REFUSED[case]
    with pytest.raises(UserError) as error:
        look(make(), **said)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    if not said:
        assert "`reml init " in str(error.value)
