from collections.abc import Callable
from pathlib import Path

import pytest

from baselines.maml import MAML
from benchmarks.core import Budget
from benchmarks.core.errors import DataError, MatrixError
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.matrix_file import bundled
from benchmarks.harness.plan.registry import Registry

Trials = Callable[..., list[TrialSpec]]
Write = Callable[..., Path]


def test_every_bundled_matrix_parses() -> None:
    assert "quick" in bundled()
    for name in bundled():
        assert load_matrix(name).name == name


def test_quick_expands_to_every_contender() -> None:
    matrix = load_matrix("quick")
    trials = expand(matrix, Registry())
    everywhere = [learner.label for learner in matrix.learners if learner.families is None]
    assert len(trials) == 2 * (len(matrix.learners) + len(everywhere))
    contenders = {"maml", "fine_tuning", "scratch", "mean", "reml", "protonet"}
    assert contenders <= {trial.learner.name for trial in trials}
    assert {trial.family.label for trial in trials} == {"sinusoid", "digits"}


def test_a_matrix_is_all_combinations(write_matrix: Write, registry: Registry) -> None:
    matrix = load_matrix(str(write_matrix("guess", 'name = "mean"\nlabel = "the mean"')))
    assert matrix.seeds == (0, 1)
    assert matrix.protocols[0].shots == (2, 5)
    trials = expand(matrix, registry)
    assert [(t.learner.label, t.seed) for t in trials] == [
        *(("guess", 0), ("guess", 1)),
        *(("the mean", 0), ("the mean", 1)),
    ]
    assert len({t.id for t in trials}) == 4
    assert describe(matrix, trials)["trials"][0] == {
        "trial": trials[0].id,
        "family": "sinusoid",
        "protocol": "few_shot",
        "learner": "guess",
        "seed": 0,
        "privileged": False,
    }


def test_a_grid_expands(trials_of: Trials) -> None:
    trials = trials_of('name = "guess"\ngrid = {scale = [0.5, 1.0], kind = ["plain", "fancy"]}')
    assert [t.learner.label for t in trials[::2]] == [
        "guess (scale=0.5, kind=plain)",
        "guess (scale=0.5, kind=fancy)",
        "guess (scale=1.0, kind=plain)",
        "guess (scale=1.0, kind=fancy)",
    ]
    assert trials[0].learner.fields == {"scale": 0.5, "kind": "plain"}


def test_the_learners_budget_wins_over_the_familys(trials_of: Trials, write_matrix: Write) -> None:
    learners = ("guess", 'name = "mean"\nbudget = {seconds = 1.5}')
    assert [t.budget for t in trials_of(*learners)[::2]] == [Budget(100), Budget(seconds=1.5)]
    text = write_matrix().read_text() + "budget = {tasks = 7}\n"
    assert [t.budget for t in trials_of(*learners, head=text)[::2]] == [
        Budget(7),
        Budget(seconds=1.5),
    ]


def test_a_learner_that_needs_privileged_fields_is_marked(trials_of: Trials) -> None:
    assert [t.privileged for t in trials_of("guess", "told")[::2]] == [False, True]


def test_an_id_follows_what_the_scores_depend_on(trials_of: Trials, write_matrix: Write) -> None:
    first = trials_of("guess")[0].id
    assert trials_of('name = "guess"\nlabel = "other"')[0].id == first
    assert trials_of('name = "guess"\nscale = 1.0')[0].id == first  # the default
    assert trials_of('name = "guess"\nscale = 2.0')[0].id != first
    text = write_matrix().read_text()
    for old, new in (("100", "101"), ("[2, 5]", "[2]"), ("queries = 7", "queries = 8")):
        assert trials_of("guess", head=text.replace(old, new))[0].id != first
    assert trials_of("guess", head=text + "noise = 0.5\n")[0].id != first


def test_a_preset_is_its_fields(trials_of: Trials) -> None:
    spelled_out = trials_of('name = "guess"\nscale = 0.5')[0]
    assert trials_of("guess-half")[0].identity == spelled_out.identity


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds", "seed", "unknown key 'seed'; did you mean 'seeds'"),
        ("seeds = 2", "", "key 'seeds' is missing"),
        ("seeds = 2", "seeds = 0", "key 'seeds': expected greater than or equal to 1"),
        ("seeds = 2", "seeds = [3, 3]", "a seed is there twice"),
        ("seeds = 2", 'seeds = "x"', "expected a valid integer or a valid array, got 'x'"),
        ('"tiny"', '"a/b"', "key 'name'"),
        ("tasks = 100", "task = 100", r"\[budget\]: unknown key 'task'; did you mean 'tasks'"),
        ("tasks = 100", "", "expected either tasks = ... or seconds = ..."),
        ("tasks = 100", "tasks = 1\nseconds = 2", "expected either tasks = ... or seconds"),
        ("tasks = 100", 'tasks = "100"', "key 'tasks': expected a valid integer, got '100'"),
        ("few_shot", "few_shots", "unknown protocol 'few_shots'; did you mean 'few_shot'"),
        ("shots = [2, 5]", "shot = [2, 5]", "unknown key 'shot'; did you mean 'shots'"),
        ("[2, 5]", "[0]", "key 'shots': expected greater than or equal to 1, got 0"),
        ("[2, 5]", "[]", "key 'shots'"),
        ("[[family]]", "[[families]]", "unknown key 'families'; did you mean 'family'"),
        ("[[family]]", "[family]", "key 'family': expected a valid array"),
        ('"sinusoid"', '"sinusoid"\nnoize = 1', "'sinusoid': unknown key 'noize'.*'noise'"),
        ('"sinusoid"', '"sinusoid"\nnoise = -1', "'sinusoid': key 'noise': expected greater"),
        ('"sinusoid"', '"sinusoid"\nnoise = nan', "key 'noise': expected a finite number, got nan"),
        ('"sinusoid"', '"sinusoid"\nphase_low = 4.0', "expected phase_low <= phase_high, got 4.0"),
        ("tasks = 100", "seconds = inf", "key 'seconds': expected a finite number, got inf"),
        ("[[learner]]", "[[learner", "not valid TOML"),
    ],
)
def test_mistakes(trials_of: Trials, write_matrix: Write, old: str, new: str, message: str) -> None:
    text = write_matrix("guess").read_text()
    assert old in text
    with pytest.raises(MatrixError, match=rf"tiny\.toml: .*{message}"):
        trials_of(head=text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("learners", "message"),
    [
        (['name = "reml"\ntrain_shots = [10, 5]'], r"expected train_shots = \[fewest, most\]"),
        (["gues"], "unknown learner 'gues'; did you mean 'guess'"),
        (['label = "x"'], "key 'name' is missing"),
        (['name = "guess"\nscael = 1'], "learner 'guess': unknown key 'scael'; .*'scale'"),
        (['name = "guess"\ngrid = {}'], "learner 'guess': key 'grid' is empty"),
        (['name = "guess"\ngrid = {scale = []}'], r"key 'grid\.scale' is empty"),
        (['name = "guess"\ngrid = {scael = [1]}'], "unknown key 'scael'"),
        (['name = "guess"\ngrid = {scale = 1}'], "key 'grid"),
        (['name = "guess"\nscale = 1\ngrid = {scale = [1]}'], "'scale' is given twice"),
        (["guess", "guess"], "two learner entries are called 'guess'"),
        (["guess", 'name = "guess"\nlabel = "b"'], "'b' .* is the same trial as 'guess'"),
        (['name = "guess"\nbudget = {task = 1}'], "budget: unknown key 'task'; .*'tasks'"),
    ],
)
def test_mistakes_in_a_learner(trials_of: Trials, learners: list[str], message: str) -> None:
    with pytest.raises(MatrixError, match=rf"tiny\.toml: .*{message}"):
        trials_of(*learners)


def table_head(text: str, **fields: str) -> str:
    keys = {"path": "t.csv", "y": "t", "split_by": "place"} | fields
    family = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    family = 'name = "table"\ntask = ["place"]\nx = ["month"]\n' + family
    return text.replace('name = "sinusoid"\n', family)


def write_csv(path: Path, rows: int = 8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"p{place},{month},{place + month}" for place in range(20) for month in range(rows)]
    path.write_text("\n".join(["place,month,t", *lines]) + "\n")


def test_data_beside_the_matrix_or_under_reml_data(
    trials_of: Trials, write_matrix: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = table_head(write_matrix().read_text())
    monkeypatch.delenv("REML_DATA", raising=False)
    with pytest.raises(DataError, match=r"'path': there is no file .*t\.csv; REML_DATA.*not set"):
        trials_of("mean", head=head)
    monkeypatch.setenv("REML_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match=r"there is no file .*t\.csv; nor is it under REML_DATA"):
        trials_of("mean", head=head)
    write_csv(tmp_path / "data" / "weather" / "t.csv")
    under = trials_of("mean", head=head)[0]
    write_csv(tmp_path / "t.csv")
    beside = trials_of("mean", head=head)[0]
    assert under.family.fields["path"].endswith("data/weather/t.csv")
    assert beside.family.fields["path"] == str(tmp_path / "t.csv")
    assert beside.id == under.id  # the same data, wherever they lie
    write_csv(tmp_path / "t.csv", rows=9)
    assert trials_of("mean", head=head)[0].id != under.id


def test_a_folder_is_found_as_a_file_is(
    trials_of: Trials, write_matrix: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_head(write_matrix().read_text()).replace('"t.csv"', '"weather"')
    (tmp_path / "data" / "some" / "weather").mkdir(parents=True)
    monkeypatch.setenv("REML_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match=r"some/weather: expected a file that ends in \.csv"):
        trials_of("mean", head=table)
    (tmp_path / "weather").mkdir()
    with pytest.raises(DataError, match=rf"{tmp_path}/weather: expected a file that ends in"):
        trials_of("mean", head=table)


def test_k_must_leave_a_point_to_be_scored_on(
    trials_of: Trials, write_matrix: Write, tmp_path: Path
) -> None:
    write_csv(tmp_path / "t.csv", rows=5)
    with pytest.raises(DataError, match=r"shots = 5 needs tasks with more than 5 points"):
        trials_of("mean", head=table_head(write_matrix().read_text()))


def test_a_field_that_came_later_changes_nothing_where_it_is_as_before(trials_of: Trials) -> None:
    before, after = trials_of(
        'name = "grown"\nlabel = "a"\nbonus = 0.0', 'name = "grown"\nlabel = "b"'
    )[::2]
    assert "bonus" not in before.identity["learner"]["fields"]
    assert after.identity["learner"]["fields"]["bonus"] == 1.0
    assert before.id != after.id


def test_a_version_is_part_of_an_id_from_the_second_on(
    trials_of: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = trials_of("maml")[0]
    monkeypatch.setattr(MAML, "version", 1, raising=False)
    assert trials_of("maml")[0].id == before.id
    monkeypatch.setattr(MAML, "version", 2)
    after = trials_of("maml")[0]
    assert after.identity["learner"]["version"] == 2
    assert (after.id != before.id, after.training != before.training) == (True, True)


def test_protocols_and_learners_can_be_limited_to_families(
    trials_of: Trials, write_matrix: Write
) -> None:
    head = (
        write_matrix().read_text()
        + '\n[[family]]\nname = "sinusoid"\nlabel = "noisy"\nnoise = 0.1\n'
    )
    trials = trials_of("mean", 'name = "scratch"\nfamilies = ["noisy"]', head=head)
    met = {(trial.learner.label, trial.family.label) for trial in trials}
    assert met == {("mean", "sinusoid"), ("mean", "noisy"), ("scratch", "noisy")}
    assert "families" not in str(trials[0].identity)
    limited = head.replace("queries = 7", 'queries = 7\nfamilies = ["noisy"]')
    assert {trial.family.label for trial in trials_of("mean", head=limited)} == {"noisy"}
    both = limited + '\n[[protocol]]\nkind = "few_shot"\nshots = [1]\nsteps = [0]\n'
    with pytest.raises(MatrixError, match="two protocol entries are called 'few_shot'"):
        trials_of("mean", head=both)
    apart = both + 'families = ["sinusoid"]\n'
    assert len({(t.family.label, t.protocol.shots) for t in trials_of("mean", head=apart)}) == 2
    with pytest.raises(MatrixError, match="protocols of one label have different splits"):
        trials_of("mean", head=apart + 'split = "validation"\n')
    with pytest.raises(MatrixError, match=r"'mean': key 'families': unknown family 'nosy'"):
        trials_of('name = "mean"\nfamilies = ["nosy"]', head=head)
