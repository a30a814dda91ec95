"""Scores of the test tasks of one trial, each on its own, and what is kept beside them."""
