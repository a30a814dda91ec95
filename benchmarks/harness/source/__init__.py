"""What the source of learners and families tells of them, without importing it."""
