"""State faults, one file each: how neurons live in time."""
