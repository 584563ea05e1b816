"""What the rest of jobmon speaks in: snapshots, nodes, jobs, and the notations they are written in."""
