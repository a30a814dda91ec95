"""From a matrix file to checked trials: keys, learners, families, identities."""
