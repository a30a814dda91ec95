"""Trials in processes of their own, in which order, and what one sees of it."""
