"""A results folder as it is now, on a terminal or a page; it is only read."""
