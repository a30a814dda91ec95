"""Error matrices from which no tasks can be made: one sentence each."""

import pytest
from error_matrices import SVM, TREE, frame, named

from benchmarks.core.errors import DataError
from benchmarks.tasks.oboe import Oboe

BAD = {
    "an unknown algorithm": ({"algorithm": "SVN"}, "no algorithm 'SVN'; did you mean 'SVM'?"),
    "no hyper-parameter": (
        {"algorithm": "Bayes"},
        "algorithm 'Bayes' has no numeric hyper-parameter that varies; expected one to predict",
    ),
    "nothing but categories": (
        {"fixed": {"C": 1}},
        "algorithm 'SVM' has no numeric hyper-parameter that varies",
    ),
    "an unknown hyper-parameter": (
        {"fixed": {"kernle": "rbf"}},
        "fixed names 'kernle', which is no hyper-parameter of 'SVM'; did you mean 'kernel'?",
    ),
    "a hyper-parameter of none": (
        {"algorithm": "Bayes", "fixed": {"C": 1}},
        "fixed names 'C', which is no hyper-parameter of 'Bayes'; it has none",
    ),
    "an unknown value": (
        {"fixed": {"kernel": "RBF"}},
        "fixed sets 'kernel' to 'RBF', which no configuration of 'SVM' has; known: 'rbf', 'poly'",
    ),
    "a share of the data set": (
        {"algorithm": "Tree", "fixed": {"min_samples_split": 0.1}},
        "fixed sets 'min_samples_split' to 0.1, which no configuration of 'Tree' has; known: 2, 4,",
    ),
    "values that never meet": (
        {"data": frame(columns=[*SVM[:-1]]), "fixed": {"C": 100, "kernel": "poly"}},
        "no configuration of 'SVM' is left that has all of fixed",
    ),
    "a header that is no literal": (
        {"data": frame(columns=[*SVM, "KNN(p=2)"])},
        "a column is headed 'KNN(p=2)'; expected a configuration like {'algorithm': 'KNN', 'hyper",
    ),
    "a header that does not end": (
        {"data": frame(columns=["{'algorithm': 'KNN'", *SVM])},
        """a column is headed "{'algorithm': 'KNN'"; expected a configuration like""",
    ),
    "a header of another kind": (
        {"data": frame(columns=[*SVM, "{'algorithm': 'KNN'}"])},
        """a column is headed "{'algorithm': 'KNN'}"; expected a configuration like""",
    ),
    "a header that cannot be": (
        {"data": frame(columns=[*SVM, "{[]: 1}"])},
        "a column is headed '{[]: 1}'; expected a configuration like",
    ),
    "a hyper-parameter that is a number": (
        {"data": frame(columns=[*SVM, "{'algorithm': 'KNN', 'hyperparameters': {1: 2}}"])},
        "a column is headed ",
    ),
    "no configuration": ({"data": frame(columns=[])}, "holds no column beside that of data sets"),
    "no row": ({"data": frame(0)}, "holds no rows"),
    "no name": ({"data": named("a", "", "c")}, "row 2 names no data set in the first column"),
    "a name twice": ({"data": named("a", "b", "a")}, "data set 'a' is in more than one row"),
    "too few data sets": (
        {"data": frame(2)},
        "no group is left for the train split; the first column holds 2",
    ),
    "an unknown data set": (
        {"test": ("0003",)},
        "test names '0003', which the first column does not hold; did you mean '00003'?",
    ),
    "a data set in two splits": (
        {"train": ("00003",), "test": ("00003",)},
        "group '00003' is in both train and test",
    ),
    "nothing but holes": (
        {"data": frame().assign(**dict.fromkeys(TREE)), "algorithm": "Tree"},
        "no data set has an error of 'Tree'",
    ),
    "text for an error": (
        {"data": frame().astype(object).replace({3.01: "n.b."})},
        f"column \"{SVM[1]}\" holds 'n.b.' in row 4; expected finite numbers",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_data_that_cannot_be_used_is_one_sentence(oboe, case):
    fields, message = BAD[case]
    with pytest.raises(DataError) as error:
        oboe(**fields).problem  # noqa: B018
    assert message in str(error.value)
    assert "errors.csv: " in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("read", ["problem", "fingerprint"])
def test_a_file_that_is_not_there_is_one_sentence(tmp_path, read):
    family = Oboe(str(tmp_path / "gone.csv"), "SVM")
    with pytest.raises(DataError, match=r"gone.csv: cannot be read \(No such file"):
        getattr(family, read)
