"""From a matrix file to stored results: matrix, trials, evaluator, runner, store."""
