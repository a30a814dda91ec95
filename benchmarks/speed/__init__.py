"""Speed suites: both sides of each comparison in one run, on one thread. `make speed` runs them."""
