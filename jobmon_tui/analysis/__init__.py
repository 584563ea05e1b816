"""Arithmetic on snapshots: pure functions without a clock or any input and output."""
