"""The room of what a simulation leaves behind, and its ways out of here."""
