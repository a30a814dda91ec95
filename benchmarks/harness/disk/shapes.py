"""What `matrix.json`, `trials.json` and `trial.json` look like, as far as anybody relies on it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from benchmarks.core.declaration import USUAL, Declaration
from benchmarks.core.errors import Damaged, StoreError
from benchmarks.harness.disk.deltas import whole
from benchmarks.harness.disk.files import demand_folder, read_json

KEYS = {
    "trial": "str",
    "family": "str",
    "protocol": "str",
    "learner": "str",
    "seed": "int64",
    "privileged": "bool",
}
"""The columns that name a trial in every table, and their types."""
ID = r"[a-z0-9-]{0,48}-s[0-9]{1,40}-[0-9a-f]{12}"
"""What `expand` calls a trial; ids are names of folders, so nothing else is let in."""
TEMPORARY = ".tmp-"
TRAININGS = ".trainings"
LEFTOVER = re.compile(r"\.tmp-(?P<trial>[a-z0-9-]+)-[a-z0-9_]{8}")
"""What the folder of a trial that has not ended is called."""
TrialId = Annotated[str, StringConstraints(pattern=rf"\A{ID}\z")]
Text = Annotated[str, StringConstraints(min_length=1)]
Count = Annotated[int, Field(ge=0, le=2**62)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Fields = dict[str, Any]


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Row(_Model):
    trial: TrialId
    family: str
    protocol: str
    learner: str
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    privileged: bool


class _Labelled(_Model):
    label: str
    name: str | None = None


class _Reference(_Model):
    name: str


class _Protocol(_Model):
    label: str
    split: Literal["train", "validation", "test"]
    kind: str = USUAL
    on: list[str] | None = None
    then: str | None = None
    reference: _Reference = _Reference(name="")
    declares: Declaration = Declaration()


class _Study(_Model):
    learner: str
    family: str
    why: str = ""
    tried: Count = 0
    best: Count | None = None
    loss: Number | None = None


class _Tuning(_Model):
    trials: Count
    studies: list[_Study]


class _Matrix(_Model):
    name: Text
    title: str | None = None
    notes: list[str] = []
    learners: list[_Labelled]
    protocols: list[_Protocol]
    trials: list[_Row]
    tuning: _Tuning | None = None


class _Built(_Model):
    name: str
    fields: Fields


class _Spec(_Model):
    family: _Built
    learner: _Built
    protocol: Fields
    budget: Fields


class _Problem(_Model):
    metric: str = ""
    unit: str = ""
    target: str = ""
    inputs: list[str] = []


class _Provenance(_Model):
    started: str
    commit: str | None
    dirty: bool
    command: str = ""
    versions: dict[str, str | None] = {}


class _Nothing(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Record(_Model):
    trial: TrialId
    status: Literal["done", "cannot", "failed", "missing"]
    reason: str | None = None
    traceback: str | None = None
    spec: _Nothing | _Spec = _Nothing()
    spending: dict[str, Count | Number | None] = {}
    first_spending: dict[str, Count | Number | None] = {}
    left_out: dict[str, Count] = {}
    left_out_train: dict[str, Count] = {}
    dropped_rows: Count = 0
    problem: _Problem = _Problem()
    transductive: bool = False
    provenance: _Nothing | _Provenance = _Nothing()
    trained_by: TrialId | None = None
    derived: list[str] = []


def read_matrix(directory: Path) -> dict[str, Any]:
    """Read the `matrix.json` of a results folder.

    Raises:
        StoreError: it or the folder is missing, or it is damaged.
    """
    demand_folder(directory)
    path = directory / "matrix.json"
    if not path.is_file():
        raise StoreError(f"{directory}: holds no results (there is no matrix.json)")
    matrix = read_json(path)
    _check(path, _Matrix, matrix)
    ids = [row["trial"] for row in matrix["trials"]]
    if len(set(ids)) < len(ids):
        raise Damaged(path, "key 'trials': a trial is there twice")
    return matrix


def read_record(path: Path) -> dict[str, Any]:
    """Read the `trial.json` of a trial's folder.

    Raises:
        StoreError: it is missing or damaged, or of another trial.
    """
    record = check_record(path, read_json(path))
    if record["trial"] != path.parent.name and not path.parent.name.startswith("."):
        raise Damaged(path, f"is of another trial, {record['trial']}")
    return record


def read_records(path: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Read `trials.json`: the records by trial, and what is wrong with others.

    Raises:
        StoreError: it is missing or no list.
    """
    records = whole(read_json(path))
    if not isinstance(records, list):
        raise Damaged(path, "expected a list of records")
    sound: dict[str, dict[str, Any]] = {}
    damage = []
    for number, record in enumerate(records, 1):
        try:
            check_record(path, record)
            if record["trial"] in sound:
                raise Damaged(path, f"trial {record['trial']} is there twice")
            sound[record["trial"]] = record
        except StoreError as error:
            damage.append(f"{error}, in record {number}")
    return sound, damage


def is_id(name: str) -> bool:
    return re.fullmatch(ID, name) is not None


def check_record(path: Path, record: Any) -> dict[str, Any]:
    """What is known of a trial, as read from a file.

    Raises:
        Damaged: it has another shape.
    """
    _check(path, _Record, record)
    return record


def check_provenance(path: Path, value: Any) -> dict[str, Any]:
    """As `check_record`, of the provenance of a whole folder; it may be empty."""
    if value != {}:
        _check(path, _Provenance, value)
    return value


def _check(path: Path, model: type[BaseModel], value: Any) -> None:
    if not isinstance(value, Mapping):
        first = next(iter(model.model_fields))
        raise Damaged(path, f"expected a JSON object with the key {first!r}")
    try:
        model.model_validate(value)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate could never be shown
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in found["loc"] if not str(part).startswith("_"))
        raise Damaged(path, f"key {key.partition('.')[0]!r}: {_sentence(key, found)}") from None
    except (ValueError, RecursionError) as error:
        raise Damaged(path, f"cannot be read ({error})") from None


def _sentence(key: str, found: Mapping[str, Any]) -> str:
    where = f" at {key}" if "." in key else ""
    return f"{found['msg'][:1].lower()}{found['msg'][1:]}{where}"
