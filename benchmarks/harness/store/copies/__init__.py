"""What published copies of results leave out, and how it is worked out again."""
