"""The room of what a network is: its parts, how they are checked, how it is written and read."""
