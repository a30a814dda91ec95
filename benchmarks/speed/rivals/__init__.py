"""This suite's trainings beside what a user would pick instead."""
