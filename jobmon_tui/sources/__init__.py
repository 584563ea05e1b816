"""Clients of outside systems: each knows one of them and nothing of jobmon beyond the model."""
