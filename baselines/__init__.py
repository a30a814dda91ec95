"""The contenders REML is measured against, one per file."""
