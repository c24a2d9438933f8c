"""The room of questions to runs: where two differ, and why a neuron fired."""
