"""Device faults, one file each: what a network becomes that is made, programmed and aged."""
