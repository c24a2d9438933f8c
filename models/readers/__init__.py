"""Readers of trained networks: what the files and modules of others say, as a `ReluNetwork`."""
