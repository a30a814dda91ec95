"""What `reml new` writes, under the names that it replaces: kept as code, so that it is checked."""
