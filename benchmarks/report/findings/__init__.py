"""What is found, in sentences no stronger than the intervals."""
