"""What a matrix would take, before anything of it is run."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import reml
from benchmarks.cli import main
from benchmarks.core.errors import StoreError
from benchmarks.harness.outlook import speed
from benchmarks.harness.outlook.costs import Cost, bundled_costs, costs_of, nearest_cost, told
from benchmarks.harness.outlook.forecast import HERE, finder, forecast, seconds_of
from benchmarks.harness.outlook.former import Former
from benchmarks.harness.outlook.left import Going, seconds_left
from benchmarks.harness.outlook.lots import lots_of
from benchmarks.harness.outlook.planning import plan
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.matrix import Matrix, load_matrix, matrix_of
from benchmarks.harness.plan.matrix_file import bundled
from benchmarks.harness.plan.registry import Registry

ROOT = Path(__file__).parents[3]
SINUSOID = ROOT / "results" / "sinusoid"
HEAD = {
    "name": "tiny",
    "seeds": 3,
    "budget": {"tasks": 1000},
    "protocol": [{"kind": "few_shot", "shots": [5], "steps": [0, 1], "tasks": 20}],
    "family": [{"name": "sinusoid"}],
}


def made(*learners: dict[str, object], **more: object) -> Matrix:
    return matrix_of({**HEAD, "learner": list(learners), **more}, Path("tiny.toml"))


@pytest.fixture(autouse=True)
def no_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["thesis-questions", "gradient-ablation"])
def test_it_counts_the_trials_and_trainings_that_there_are(name: str) -> None:
    registry = Registry()
    matrix = load_matrix(name, registry)
    trials = expand(matrix, registry)
    lots = list(lots_of(matrix, registry, {}))
    assert sum(len(lot.seeds) for lot in lots) == len(trials)
    shared = {(it.learner.label, it.family.label, it.protocol.label): it.training for it in trials}
    same: dict[str, set[str]] = {}
    for lot in lots:
        key = lot.learner.entry.label, lot.family.entry.label, lot.protocol.label
        same.setdefault(lot.training, set()).add(shared[key])
    assert all(len(it) == 1 for it in same.values())
    assert len({next(iter(it)) for it in same.values()}) == len(same)


def test_what_a_folder_has_is_done(tmp_path: Path) -> None:
    registry = Registry()
    found = plan(load_matrix("sinusoid", registry), registry, SINUSOID).forecast
    assert (found.trials, found.done, found.left, found.failed) == (39, 39, 0, 0)
    assert "nothing is left to do" in plan(
        load_matrix("sinusoid", registry), registry, SINUSOID
    ).text(2)


def stored(directory: Path, matrix: Matrix, statuses: dict[tuple[str, int], str]) -> None:
    """A folder in which some trials have ended."""
    trials = expand(matrix, Registry())
    (directory / "trials").mkdir(parents=True)
    (directory / "matrix.json").write_text(json.dumps(describe(matrix, trials)))
    for it in trials:
        status = statuses.get((it.learner.label, it.seed))
        if status is not None:
            place = directory / "trials" / it.id
            place.mkdir()
            spent = {"tasks": 1000, "cpu_seconds": 7.0, "evaluate_seconds": 2.0}
            record = {**it.row, "status": status, "spec": it.identity, "spending": spent}
            (place / "trial.json").write_text(json.dumps(record))
            if status == "done":
                (place / "learner.pt").write_text("")


def test_what_is_left_takes_what_the_rest_of_the_folder_took(tmp_path: Path) -> None:
    matrix, registry = made({"name": "cnp"}, {"name": "mean"}), Registry()
    stored(tmp_path / "out", matrix, {("cnp", 0): "done", ("cnp", 1): "failed"})
    found = plan(matrix, registry, tmp_path / "out").forecast
    cnp = found.shares[0]
    assert (cnp.done, cnp.left, cnp.trainings, cnp.source) == (1, 2, 2, HERE)
    assert cnp.train_seconds == pytest.approx(2 * 7)
    assert found.failed == 1
    assert "1 done already, 1 failed and to be run again, 5 to run" in plan(
        matrix, registry, tmp_path / "out"
    ).text(1)


@pytest.mark.parametrize(
    "changed",
    [
        {"budget": {"tasks": 2000}},
        {"budget": {"tasks": 1000, "keep": "last"}},
        {"learner": [{"name": "cnp", "lr": 0.1}, {"name": "mean"}]},
        {"learner": [{"name": "cnp", "budget": {"tasks": 5}}, {"name": "mean"}]},
        {"family": [{"name": "sinusoid", "noise": 0.1}]},
        {"protocol": [{**HEAD["protocol"][0], "tasks": 21}]},  # type: ignore[index]
    ],
)
def test_what_has_changed_is_not_done(tmp_path: Path, changed: dict[str, object]) -> None:
    matrix = made({"name": "cnp"}, {"name": "mean"})
    stored(tmp_path / "out", matrix, {("cnp", 0): "done"})
    more = {"learner": [{"name": "cnp"}, {"name": "mean"}], **changed}
    other = matrix_of({**HEAD, **more}, Path("tiny.toml"))
    assert plan(matrix, Registry(), tmp_path / "out").forecast.done == 1
    assert plan(other, Registry(), tmp_path / "out").forecast.done == 0


def test_another_matrix_s_folder_is_refused() -> None:
    with pytest.raises(StoreError, match="holds the results of matrix 'sinusoid', not of 'tiny'"):
        plan(made({"name": "mean"}), Registry(), SINUSOID)


def test_trials_share_trainings_with_each_other_and_with_former_ones() -> None:
    learners = [{"name": "reml", "label": f"c{n}", "candidates": n} for n in (1, 4, 16)]
    matrix, registry = made(*learners), Registry()
    lots = list(lots_of(matrix, registry, {}))
    found = forecast(matrix, lots, Former(), lambda lot: None)
    assert (found.left, found.trainings, sum(it.shared for it in found.shares)) == (9, 3, 6)
    key = lots[0].key(0)
    former = Former(statuses={key: "done"}, trained=frozenset({key}))
    found = forecast(matrix, lots, former, lambda lot: None)
    assert (found.left, found.trainings) == (8, 2)
    kept_nothing = Former(statuses={key: "done"})
    assert forecast(matrix, lots, kept_nothing, lambda lot: None).trainings == 3


def test_one_that_does_not_train_takes_no_training() -> None:
    matrix = made({"name": "mean"})
    (lot,) = lots_of(matrix, Registry(), {})
    assert seconds_of(lot, None).training == 0
    found = forecast(matrix, [lot], Former(), finder(Former()))
    assert (found.trainings, found.left) == (0, 3)


def test_budgets_of_seconds_take_as_long() -> None:
    (lot,) = lots_of(made({"name": "cnp"}, budget={"seconds": 90}), Registry(), {})
    assert seconds_of(lot, None).training == 90


def test_a_search_for_settings_is_counted() -> None:
    more = {"tuning": {"trials": 10, "seeds": 2, "tasks": 500}}
    matrix, registry = made({"name": "cnp"}, {"name": "mean"}, **more), Registry()
    found = forecast(matrix, list(lots_of(matrix, registry, {})), Former(), lambda lot: None)
    assert found.tries == 20
    assert found.try_seconds > 0


def test_folds_are_counted_as_the_data_have_them(tmp_path: Path) -> None:
    rows = [
        f"{group},{group}{task},{x},{x * task}"
        for group in "abcdefg"
        for task in range(3)
        for x in range(9)
    ]
    (tmp_path / "data.csv").write_text("\n".join(["g,t,x,y", *rows]))
    family = {"name": "table", "path": "data.csv", "task": "t", "x": ["x"], "y": "y"}
    protocol = {**HEAD["protocol"][0], "folds": "leave-one-group-out"}  # type: ignore[index]
    more = {"family": [{**family, "split_by": "g"}], "protocol": [protocol]}
    matrix = matrix_of(
        {**HEAD, "learner": [{"name": "mean"}], **more}, tmp_path / "tiny.toml", Registry()
    )
    registry = Registry()
    expected = len(expand(matrix, registry))
    assert plan(matrix, registry, tmp_path / "out").forecast.trials == expected == 21


def test_costs_are_medians_and_the_nearest_settings_count() -> None:
    def record(seconds: float, width: int) -> dict[str, object]:
        spec = {
            "learner": {"name": "cnp", "fields": {"width": width, "lr": 0.1}},
            "family": {"name": "sinusoid"},
            "protocol": {"tasks": 10, "shots": [1, 2]},
        }
        spent = {"tasks": 100, "seconds": seconds, "evaluate_seconds": 4.0, "peak_memory_mb": 300}
        return {"status": "done", "spec": spec, "spending": spent}

    odd: list[dict[str, object]] = [{}, {"status": "failed"}, {"status": "done", "spec": {}}]
    costs = costs_of([record(1, 8), record(3, 8), record(9, 8), record(50, 64), *odd])
    small = nearest_cost(costs, "cnp", "line", {"width": 8, "lr": 0.5})
    assert small is not None
    assert (small.task, small.test, small.memory) == (0.03, 0.2, 300)
    large = nearest_cost(costs, "cnp", "line", {"width": 64})
    assert large is not None
    assert large.task == 0.5
    assert nearest_cost(costs, "tnp", "line", {}) is None
    again = [Cost(**it) for it in json.loads(told(costs))]
    assert sorted(it.task for it in again) == [0.03, 0.5]
    assert all(set(it.fields) == {"width"} for it in again)


def test_what_is_bundled_is_of_the_published_results() -> None:
    names = {it.learner for it in bundled_costs()}
    assert {"reml", "maml", "cnp", "gp-prior", "protonet"} <= names
    records = json.loads((ROOT / "results" / "mixture" / "trials.json").read_text())
    (tnp,) = costs_of(it for it in records if it["learner"] == "tnp")
    (bundle,) = (it for it in bundled_costs() if it.learner == "tnp" and it.family == "mixture")
    assert (bundle.task, bundle.test) == pytest.approx((tnp.task, tnp.test), rel=0.01)


def test_a_slower_machine_takes_longer(tmp_path: Path) -> None:
    assert speed.factor_here() == 1
    known = nearest_cost(bundled_costs(), "maml", "sinusoid", {})
    assert known is not None
    speed.keep_speed({"maml": 0.5 / known.task, "nobody": 3.0})
    assert speed.factor_here() == pytest.approx(2)
    matrix, registry = made({"name": "maml"}), Registry()
    (lot,) = lots_of(matrix, registry, {})
    once, twice = (finder(Former(), it)(lot) for it in (1.0, 2.0))
    assert once is not None
    assert twice is not None
    assert twice.task == 2 * once.task
    (tmp_path / "cache" / "reml" / "speed.json").write_text("[]")
    assert speed.factor_here() == 1


def test_it_says_time_memory_and_cost(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "new")]
    assert main(["plan", "sinusoid", *out, "--jobs", "4", "--price-per-hour", "3"]) == 0
    said = capsys.readouterr().out
    assert "sinusoid: 39 trials, 0 done already, 39 to run" in said
    assert "27 trainings for 39 trials: 6 trials take over the training of another" in said
    assert re.search(r"about \d+ h \d+ min of one processor; 4 at a time, about .* GB", said)
    assert re.search(r"about \d+\.\d\d at 3 an hour", said)
    assert "engine local: 4 at a time here" in said
    assert not (tmp_path / "new").exists()


def test_it_is_there_in_python(tmp_path: Path) -> None:
    said = reml.plan("sinusoid", out=tmp_path / "new", jobs=3, price_per_hour=2)
    assert "39 to run" in said
    assert "3 at a time" in said


def test_engines_are_asked_for_what_the_matrix_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = bundled()["sinusoid"].read_text()
    engine = '[engine]\nname = "slurm"\nbundle = 2\ntime = "5m"\nmemory = "300MB"\n'
    (tmp_path / "m.toml").write_text(f"{text}\n{engine}\n[engine.learner.maml]\ngpus = 1\n")
    assert main(["plan", str(tmp_path / "m.toml"), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "engine slurm: 26 jobs, at most 200 in the queue at a time; each asks for" in said
    assert "1 processor, 300 MB, 1 GPU, at most 300 s: maml" in said
    assert "a job may take" in said
    assert "and gets 300 MB" in said
    assert main(["plan", "sinusoid", "--engine", "ray://head:1", "--out", str(tmp_path / "o")]) == 0
    assert "engine ray://head:1: 39 jobs; each asks for" in capsys.readouterr().out
    assert main(["plan", "sinusoid", "--engine", "rya"]) == 2
    assert "unknown engine 'rya'; did you mean 'ray'?" in capsys.readouterr().err


def test_a_probe_times_each_learner(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = (
        'name = "t"\nseeds = 2\nbudget = { tasks = 100000 }\n[[family]]\nname = "line"\n'
        '[[protocol]]\nkind = "few_shot"\nshots = [3]\nsteps = [0]\ntasks = 9\nqueries = 5\n'
        '[[learner]]\nname = "cnp"\n[[learner]]\nname = "mean"\n'
    )
    (tmp_path / "t.toml").write_text(text)
    arguments = ["plan", str(tmp_path / "t.toml"), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--probe", "0.2"]) == 0
    said = capsys.readouterr().out
    assert said.count("a probe") == 2
    assert "factor of two" not in said


SILLY = [
    ("seeds = 3", "seeds = 1_000_000", "seeds"),
    ("tasks = 1000 }", "tasks = 1_000_000_000_000_000 }", "[budget]: key 'tasks'"),
    ("{ tasks = 1000 }", "{ seconds = 1e9 }", "[budget]: key 'seconds'"),
    ("steps = [0, 1]", "steps = [1_000_000_000]", "key 'steps'"),
    ("queries = 9", "queries = 100_000_000", "key 'queries'"),
    ("shots = [5]", "shots = [100_000_000]", "key 'shots'"),
    ("queries = 9", "queries = 1_000_000\ntasks = 1_000_000", "fit into memory"),
    ("queries = 9", "queries = 9\ntasks = 100_000\ndraws = 1000", "100,000,000 draws of tasks"),
    ('name = "sinusoid"', 'name = "digits"\nways = 1_000_000', "key 'ways'"),
    ('name = "maml"', 'name = "maml"\nhidden = [1_000_000, 1_000_000]', "key 'hidden'"),
    ('name = "maml"', 'name = "maml"\nmeta_batch = 9_000_000', "key 'meta_batch'"),
    ('name = "maml"', 'name = "maml"\ntrain_steps = 9_000_000', "key 'train_steps'"),
    ('name = "maml"', 'name = "maml"\nfilters = 1_000_000', "key 'filters'"),
    ('name = "maml"', 'name = "reml"\nwidth = 1_000_000', "key 'width'"),
    ('name = "maml"', 'name = "reml"\ncandidates = 9_000_000', "key 'candidates'"),
    ('name = "maml"', 'name = "tnp"\nlayers = 9_000_000', "key 'layers'"),
    (
        'name = "maml"',
        'name = "maml"\ngrid = { inner_lr = %s, meta_lr = %s }',
        "asks for 8,999,475 trials",
    ),
    ("seeds = 3", "seeds = 3\ntuning = { trials = 1000, seeds = 100, tasks = 5 }", "[tuning]"),
]
TEXT = """
name = "silly"
seeds = 3
budget = { tasks = 1000 }
[[protocol]]
kind = "few_shot"
steps = [0, 1]
queries = 9
shots = [5]
[[family]]
name = "sinusoid"
[[learner]]
name = "maml"
[[learner]]
name = "cnp"
"""


@pytest.mark.parametrize(("old", "new", "named"), SILLY)
@pytest.mark.parametrize("command", ["plan", "run"])
def test_silly_sizes_are_refused_in_a_sentence(
    command: str,
    old: str,
    new: str,
    named: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    many = json.dumps([(n + 1) / 4000 for n in range(1732)])
    assert old in TEXT
    (tmp_path / "silly.toml").write_text(TEXT.replace(old, new.replace("%s", many)))
    started = time.process_time()
    out = ["--out", str(tmp_path / "out")]
    assert main([command, str(tmp_path / "silly.toml"), *out]) == 2
    assert time.process_time() - started < 5
    (said,) = capsys.readouterr().err.splitlines()
    assert named in said
    assert not (tmp_path / "out").exists()


def test_ten_thousand_trials_are_planned_in_seconds(tmp_path: Path) -> None:
    grid = {"lr": [n / 1000 for n in range(1, 21)], "train_queries": list(range(1, 6))}
    matrix = made({"name": "cnp", "grid": grid}, seeds=100)
    started = time.process_time()
    found = plan(matrix, Registry(), tmp_path / "out").forecast
    assert (found.trials, found.trainings) == (10_000, 10_000)
    assert time.process_time() - started < 5


def test_it_imports_nothing_slow() -> None:
    code = (
        "import sys; from benchmarks.cli import main; main()\n"
        "print(*{'torch', 'numpy', 'pandas', 'pyarrow', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "plan", "quick", "--out", "/nowhere"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("here, on one thread each\n\n"), done.stdout


def test_the_time_that_is_left_follows_what_was_seen() -> None:
    assert seconds_left({}, ["a"], [], 1) is None
    assert seconds_left({"a": [4.0, 6.0]}, ["a", "a", "b"], [], 1) == 15
    assert seconds_left({"a": [10.0]}, ["a"], [Going("a", 4.0, 0.4)], 2) == 8
    assert seconds_left({}, ["b"], [Going("a", 10.0, 0.5)], 1) == 10 + 20
