"""Neuron models, one file per family: equations, parameters, scalar functions. Importing registers them."""

from eventsim.models.neurons import circuit_deltas, circuit_ramps, fixed_ramps  # noqa: F401 - variants register themselves
from eventsim.models.neurons.alpha_psp import ALPHA_PSP
from eventsim.models.neurons.falling_threshold import FALLING_THRESHOLD
from eventsim.models.neurons.glif import GLIF
from eventsim.models.neurons.if_delta import IF_DELTA
from eventsim.models.neurons.if_exp import IF_EXP
from eventsim.models.neurons.lif_alpha import LIF_ALPHA
from eventsim.models.neurons.lif_clocked import LIF_CLOCKED
from eventsim.models.neurons.lif_delta import LIF_DELTA
from eventsim.models.neurons.lif_exp import LIF_EXP
from eventsim.models.neurons.qif import QIF
from eventsim.models.neurons.reference import add_tables
from eventsim.models.neurons.relay import RELAY
from eventsim.models.neurons.step_psp import STEP_PSP
from eventsim.models.neurons.ttfs import INTEGRATOR, LINEAR_PSP, TTFS_ALPHA1, TTFS_B1

__all__ = [
    "ALPHA_PSP", "FALLING_THRESHOLD", "GLIF", "IF_DELTA", "IF_EXP", "INTEGRATOR", "LIF_ALPHA", "LIF_CLOCKED",
    "LIF_DELTA", "LIF_EXP", "LINEAR_PSP", "QIF", "RELAY", "STEP_PSP", "TTFS_ALPHA1", "TTFS_B1",
]  # fmt: skip

add_tables(globals()[name] for name in __all__)
