"""The search for the settings of learners, on validation tasks: the same for each of them."""
