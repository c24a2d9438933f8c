"""Arrival faults, one file each: the weight that a spike arrives with."""
