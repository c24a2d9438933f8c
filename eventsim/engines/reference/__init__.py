"""The reference engine: plain Python, on any kind of number."""
