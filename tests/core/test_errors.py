from benchmarks.core.errors import MatrixError, UnknownName, nearest


def test_the_nearest_name_is_suggested():
    assert nearest("tmax_degc", ["rain_mm", "tmax_degC"]) == "did you mean 'tmax_degC'?"


def test_without_a_near_one_all_are_named():
    assert nearest("x", ["rain_mm", "month"]) == "known: month, rain_mm"


def test_an_unknown_name_says_where_it_stands():
    error = UnknownName("learner", "mamll", ["maml", "mean"], "quick.toml")
    assert str(error) == "quick.toml: unknown learner 'mamll'; did you mean 'maml'?"
    assert isinstance(error, MatrixError)
