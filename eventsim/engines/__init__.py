"""The room of the two engines, and what they share."""
