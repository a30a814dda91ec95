"""Files that are there whole or not at all, their sums, and the shapes of what they hold."""
