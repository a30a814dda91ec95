import json

import pytest

from benchmarks.harness.disk.deltas import as_deltas, whole

FIELDS = {"width": 40, "layers": [4, 4], "rate": 0.1, "seed": None}
RECORDS = [
    {"trial": "a", "reason": None, "spec": {"fields": FIELDS, "seed": 0}, "left": {}},
    {"trial": "b", "reason": None, "spec": {"fields": FIELDS, "seed": 1}, "left": {}},
    {"trial": "c", "reason": "no", "spec": {"fields": {"width": 40.0}}, "more": {"x": {"y": 1}}},
    {"trial": "d", "reason": "no", "spec": {}, "more": {"x": 1}, "flag": True},
    {"trial": "e", "reason": "no", "spec": None, "more": {"x": {"z": {}}}, "flag": 1},
]


def _read(records: list[dict[str, object]]) -> str:
    return json.dumps(whole(json.loads(as_deltas(records))), sort_keys=True)


@pytest.mark.parametrize("records", [RECORDS, RECORDS[::-1], RECORDS[:1], []])
def test_records_come_back_to_the_letter(records: list[dict[str, object]]) -> None:
    assert _read(records) == json.dumps(records, sort_keys=True)


def test_what_is_alike_is_written_once() -> None:
    text = as_deltas([{**RECORDS[0], "trial": str(it)} for it in range(20)])
    assert text.count('"layers"') == 1
    assert len(text.splitlines()) == 22


def test_a_record_may_have_a_key_that_means_something_here() -> None:
    records: list[dict[str, object]] = [{"trial": "a"}, {"spec": {"without": ["trial"]}}]
    assert _read(records) == json.dumps(records)


@pytest.mark.parametrize("stored", [None, 3, "x", [1, {}], {}, {"records": {}}])
def test_what_is_no_deltas_is_handed_on(stored: object) -> None:
    assert whole(stored) is stored


def test_what_is_no_record_among_them_is_handed_on() -> None:
    assert whole({"records": [{"a": 1}, 7, {"b": {}, "without": 3}]}) == [
        {"a": 1},
        7,
        {"a": 1, "b": {}},
    ]
