"""Gradients of a simulated run: the adjoint over its recorded events, walked backwards in event order."""
