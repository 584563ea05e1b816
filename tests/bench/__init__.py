"""Benches: the figures of the budget, measured on this machine by ``python -m tests.bench``."""

import os

# Textual reads it once, when it is imported: bytes are counted as a terminal with all colours gets them.
os.environ["TEXTUAL_COLOR_SYSTEM"] = "truecolor"
