"""`reml init` and `reml new`: from a file to a matrix that suits it, and files to start from."""
