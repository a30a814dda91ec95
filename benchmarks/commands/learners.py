"""Commands outside of any matrix: the kit, predictions, how fast it is here."""

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any

from benchmarks.core.errors import UserError
from benchmarks.harness.disk.files import replace
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import load_checkpoint
from benchmarks.harness.predict.new_task import predict as predictions
from benchmarks.harness.run.doctor import examine
from benchmarks.harness.store.printable import clean
from benchmarks.harness.store.results import load_results


def doctor(options: argparse.Namespace) -> int:
    print(examine())
    return 0


def check(options: argparse.Namespace) -> int:
    from benchmarks.start.checking import checks_of, in_file, named

    target, keys = options.target, dict(map(_pair, options.keys))
    is_file = ":" in target or target.endswith(".py")
    found = in_file(target) if is_file else named(Registry(options.plugin), target, keys)
    broken = 0
    for kind, each in found:
        called = f"{target} ({kind})" if len(found) > 1 else target
        checks = checks_of(kind, each, keys, called)
        for check in checks:
            print(f"{'holds ' if check.passed else 'BROKEN'}  {check.name}: {check.message}")
        kept = sum(check.passed for check in checks)
        print(f"{called}: {kept} of {len(checks)} laws hold")
        broken += len(checks) - kept
    return 1 if broken else 0


def _pair(text: str) -> tuple[str, Any]:
    """A key and its value as a matrix file has them; what is no TOML is a text."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"{text}: expected KEY=VALUE, a key of its table in a matrix file")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def predict(options: argparse.Namespace) -> int:
    support, query = _files(options)
    place, registry = options.place, Registry(options.plugin)
    if _is_trial(place):
        for name in ("learner", "seed", "family"):
            if getattr(options, name) is not None:
                raise UserError(
                    f"{place}: is one trained learner; --{name} is for a results folder, which "
                    "holds several"
                )
        checkpoint = load_checkpoint(place, registry)
        found = predictions(checkpoint, support, query, options.steps, options.sheet)
    else:
        from benchmarks.api.predicting import Place, Rows, Who
        from benchmarks.api.predicting import predictions as of_the_best

        found = of_the_best(
            Place(clean(load_results(place)), place, registry),
            Who(options.learner, options.seed, options.family),
            Rows(support, query, options.sheet),
            options.steps,
        )
    for line in found.remarks:
        print(line, file=sys.stderr)
    for line in found.warnings:
        print(f"reml: warning: {line}", file=sys.stderr)
    if options.out is None:
        found.table.to_csv(sys.stdout, index=False)
    else:
        replace(options.out, lambda file: found.table.to_csv(file, index=False, compression=None))
    return 0


def _files(options: argparse.Namespace) -> tuple[Path, Path | None]:
    """Where the rows to adapt on are, and those to predict; None where they are in one file."""
    support = options.support or options.data
    if options.data is not None and options.support is not None:
        raise UserError(
            f"{options.data}: is one file too many beside --support; give one file with both, or "
            "--support and --query"
        )
    if support is None:
        raise UserError(
            "predict: no rows to adapt on; give a file in which the target is empty where it is to "
            "be predicted, or --support FILE and --query FILE"
        )
    out: Path | None = options.out
    for file in (support, options.query):
        if out is not None and file is not None and out.exists() and out.samefile(file):
            raise UserError(f"{out}: is what is read; give another file with --out")
    if out is not None and out.suffix.lower() in (".parquet", ".xlsx", ".gz"):
        raise UserError(f"{out}: predictions are written as CSV; expected a file that ends in .csv")
    return support, options.query


def _is_trial(place: Path) -> bool:
    """Whether it is a trial's folder, or the learner in it, and no results folder."""
    return not (place / "matrix.json").exists()
