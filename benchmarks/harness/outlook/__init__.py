"""What runs, what is left, and how long it may take: without training, and without torch."""
