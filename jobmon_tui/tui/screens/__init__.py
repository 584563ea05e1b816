"""Whole pictures: one module for each place that a user can be at."""
