"""Chance that repeats: the same whole numbers give the same luck in every process and on every machine."""

from __future__ import annotations

from random import Random

_MASK = (1 << 64) - 1


def mix(*keys: int) -> int:
    """Stir whole numbers into one of 64 bits; keys that differ in one bit give unrelated results."""
    value = 0x9E3779B97F4A7C15
    for key in keys:
        # The finaliser of the SplitMix64 generator: cheap, and good enough for an invented cluster.
        value = (value + (key & _MASK) * 0xD6E8FEB86659FD93 + 0x9E3779B97F4A7C15) & _MASK
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
        value ^= value >> 31
    return value


def fraction(*keys: int) -> float:
    """A number in [0, 1) that the keys decide."""
    return mix(*keys) / 18446744073709551616.0


def stream(*keys: int) -> Random:
    """A generator of random numbers that the keys decide."""
    return Random(mix(*keys))
