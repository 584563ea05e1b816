"""Where snapshots come from: a live backend, a folder of recorded snapshots, the demo."""
