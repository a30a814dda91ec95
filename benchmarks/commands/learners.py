"""Commands about learners, outside of any matrix: the kit, predictions, how fast it is here."""

import argparse
import sys
from pathlib import Path

from benchmarks.core.errors import StoreError, UnknownName, UserError
from benchmarks.harness.plan.fields import build
from benchmarks.harness.plan.registry import Found, Registry, check_shape, classes_of, import_file
from benchmarks.harness.predict.new_task import load_checkpoint
from benchmarks.harness.predict.new_task import predict as predictions
from benchmarks.harness.run.doctor import examine


def doctor(options: argparse.Namespace) -> int:
    print(examine())
    return 0


def check(options: argparse.Namespace) -> int:
    from benchmarks.testing import check_learner

    found = _target(options.target)
    fields = {**found.preset, **found.cls.test_fields}  # type: ignore[attr-defined]
    where = f"{options.target}: test_fields"
    checks = check_learner(lambda: build(found.cls, {}, fields, where))
    for check in checks:
        print(f"{'holds ' if check.passed else 'BROKEN'}  {check.name}: {check.message}")
    broken = sum(not check.passed for check in checks)
    print(f"{options.target}: {len(checks) - broken} of {len(checks)} laws hold")
    return 1 if broken else 0


def predict(options: argparse.Namespace) -> int:
    checkpoint = load_checkpoint(options.checkpoint, Registry(options.plugin))
    predicted, words = predictions(checkpoint, options.support, options.query, options.steps)
    for line in words:
        print(line, file=sys.stderr)
    try:
        predicted.to_csv(options.out or sys.stdout, index=False)
    except OSError as error:
        raise StoreError(f"{options.out}: cannot be written ({error})") from None
    return 0


def _target(target: str) -> Found:
    file, colon, name = target.rpartition(":")
    if not colon and target.endswith(".py"):
        raise UserError(f"{target}: names no class; expected {target}:Class")
    if not colon:
        return Registry().find("learner", target)
    classes = {cls.__name__: cls for cls in classes_of(import_file(Path(file)))}
    if name not in classes:
        raise UnknownName("class", name, classes, file)
    check_shape("learner", classes[name], file)
    return Found(classes[name])
