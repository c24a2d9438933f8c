"""Neuron models, one file per family: equations, parameters, scalar functions. Importing registers them."""

from eventsim.models.neurons.lif_clocked import LIF_CLOCKED
from eventsim.models.neurons.lif_delta import LIF_DELTA
from eventsim.models.neurons.relay import RELAY
from eventsim.models.neurons.ttfs import INTEGRATOR, LINEAR_PSP, TTFS_ALPHA1, TTFS_B1

__all__ = ["INTEGRATOR", "LIF_CLOCKED", "LIF_DELTA", "LINEAR_PSP", "RELAY", "TTFS_ALPHA1", "TTFS_B1"]
