"""Sizes that must be a slip of the pen."""

import json
import time
from pathlib import Path

import pytest

from benchmarks.cli import main

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
