"""A small error matrix, and the family made of it."""

import itertools

import numpy as np
import pandas as pd


def header(algorithm, **configuration):
    return str({"algorithm": algorithm, "hyperparameters": configuration})


SVM = [
    header("SVM", C=c, kernel=kernel, tol=0.1)
    for c, kernel in itertools.product((0.1, 1, 10, 100), ("rbf", "poly"))
]
TREE = [header("Tree", min_samples_split=n) for n in (2, 4, 8, 16, 0.1, 0.01)]
NEAR = [header("KNN", n_neighbors=n, p=p) for n in (1, 3, 5) for p in (1, 2)]
BAYES = [header("Bayes")]
ODD = [header("Odd", depth=d, weights=w) for d in (1, 2) for w in (None, "same")]


def frame(rows=10, columns=(*SVM, *TREE, *NEAR, *BAYES, *ODD)):
    """The error of data set d in column c is d + c / 100."""
    errors = np.arange(rows)[:, None] + np.arange(len(columns)) / 100
    return pd.DataFrame(errors, index=[f"{d:05}" for d in range(rows)], columns=list(columns))


def named(*names):
    data = frame(len(names))
    data.index = list(names)
    return data
