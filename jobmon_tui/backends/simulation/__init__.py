"""An invented cluster: its state at any instant follows from a seed, without simulating what came before."""
