"""Emission faults, one file each: when a spike leaves, or whether."""
