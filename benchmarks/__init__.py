"""The benchmark: contract, task families, harness, report and command line."""
