"""Pictures for a terminal show where points lie, and fit any encoding."""

import numpy as np

from benchmarks.start.sketch import BRAILLE, can_show, curves, pixels

X = np.arange(10.0)


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right():
    *rows, names = curves([("up", X, X)], plain=True, width=10, rows=5).splitlines()
    assert names.strip() == "up"
    ends = [min(i for i, it in enumerate(row[2:]) if it != " ") for row in rows]
    assert ends == sorted(ends, reverse=True)
    assert ends[-1] == 0


def test_every_point_is_a_dot_of_braille():
    drawn = curves([("a", X, X**2), ("b", X, -X)], plain=False)
    dots = sum((ord(it) - BRAILLE).bit_count() for it in drawn if 0 <= ord(it) - BRAILLE < 256)
    assert dots == 20


def test_constant_and_enormous_values_have_a_place():
    for y in (np.zeros(10), np.array([-1.7e308] * 5 + [1.7e308] * 5)):
        assert any(it in curves([("a", X, y)], plain=True) for it in ".:")


def test_what_a_terminal_lacks_is_found_out():
    assert can_show("⠁", "utf-8")
    assert not can_show("⠁", "latin-1")
    assert not can_show("⠁", None)
    assert curves([("a", X, X)], plain=True).isascii()
    assert pixels([("a", np.eye(8))], plain=True).isascii()


def test_ink_is_dark_on_light_and_light_on_dark():
    picture = np.zeros((4, 8))
    picture[1, 2] = 1.0
    assert pixels([("a", picture)], plain=True) == pixels([("a", 1 - picture)], plain=True)
    assert pixels([("a", picture)], plain=True).splitlines()[1] == "    #"
