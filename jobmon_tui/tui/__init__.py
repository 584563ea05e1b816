"""The full-screen application: the only part of jobmon that knows Textual."""

import os

# Textual reads these once, when it is imported. Animation is what makes a terminal program unusable over a
# slow line: one animated PageDown is half a megabyte, a plain one 15 kB. The frame rate is no such thing:
# nothing is painted without a change, and nothing while the terminal is behind (see `textual_compat`). But
# Textual paints on a grid of that rate, so that at 15 frames a second a key waits up to 67 ms for its turn.
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ.setdefault("TEXTUAL_FPS", "60")
