"""The full-screen application: the only part of jobmon that knows Textual."""

import os

# Textual reads these once, when it is imported. Animation and a high frame rate are what make a terminal
# program unusable over a slow line: one animated PageDown is half a megabyte, a plain one 15 kB.
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ.setdefault("TEXTUAL_FPS", "15")
