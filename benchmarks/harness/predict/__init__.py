"""Trained learners outside the benchmark: adapt to new tasks, predict their query points."""
