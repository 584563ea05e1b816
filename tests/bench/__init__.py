"""Benches: the figures of the budget, measured on this machine by ``python -m tests.bench``."""
