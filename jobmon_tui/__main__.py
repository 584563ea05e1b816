"""Lets ``python -m jobmon_tui`` do what ``jobmon`` does."""

from jobmon_tui.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
