"""How labels become file names."""

import pytest

from benchmarks.report.scores.wording import LONGEST_NAME, plural, slug


def test_a_short_plain_label_keeps_its_words() -> None:
    assert slug("MAML (2 x 40), five-way") == "maml-2-x-40-five-way"
    assert slug("") == "unnamed"


@pytest.mark.parametrize("pair", [("Größe", "Grösse"), ("температура", "влажность"), ("a²", "a³")])
def test_labels_beyond_ascii_get_file_names_of_their_own(pair: tuple[str, str]) -> None:
    first, second = map(slug, pair)
    assert first != second
    assert first.isascii()
    assert second.isascii()


def test_a_long_label_gets_a_name_that_a_file_can_have() -> None:
    first, second = slug("a" * 5000), slug("a" * 5001)
    assert first != second
    assert max(len(first), len(second)) <= LONGEST_NAME + 9


def test_things_are_counted_as_english_does() -> None:
    assert plural(1, "test country") == "1 test country"
    assert plural(2, "country of Asia") == "2 countries of Asia"
    assert plural(3, "day") == "3 days"
    assert plural(2, "class") == "2 classes"
