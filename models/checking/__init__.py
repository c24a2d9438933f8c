"""What happened in a run, what should have, and why they differ; which neurons are premature, and which are safe."""
