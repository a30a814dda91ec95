"""What is demanded of a matrix before anything is trained."""
