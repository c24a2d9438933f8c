"""eventsim: an exact event-driven simulator of spiking networks.

Build a `Network` (by hand, or from a trained ReLU network with `eventsim.models.to_ttfs`), `simulate` it, look at the
`Run`. `eventsim.models` and `eventsim.viz` are imported on their own.
"""

from eventsim import faults, transport
from eventsim.compare import compare
from eventsim.comparison import Comparison
from eventsim.convolution import Conv, Pool
from eventsim.errors import (
    BudgetError,
    EventsimError,
    FaultError,
    FileFormatError,
    InputError,
    MappingError,
    ModelError,
    NetworkError,
    PrematureSpikeWarning,
    SimulationError,
    StorageError,
)
from eventsim.explain import explain
from eventsim.explanation import Explanation
from eventsim.generators import Poisson, Regular
from eventsim.network import Network, Population, Projection, Source, load_network
from eventsim.neuron_model import Model, Parameter, register
from eventsim.projections import Dense, OneToOne, Sparse
from eventsim.run import Run, load_run
from eventsim.simulate import simulate
from eventsim.sources import SpikeTimes
from eventsim.steps import Steps

__version__ = "0.1.0"

__all__ = [
    "BudgetError",
    "Comparison",
    "Conv",
    "Dense",
    "EventsimError",
    "Explanation",
    "FaultError",
    "FileFormatError",
    "InputError",
    "MappingError",
    "Model",
    "ModelError",
    "Network",
    "NetworkError",
    "OneToOne",
    "Parameter",
    "Poisson",
    "Pool",
    "Population",
    "PrematureSpikeWarning",
    "Projection",
    "Regular",
    "Run",
    "SimulationError",
    "Source",
    "Sparse",
    "SpikeTimes",
    "Steps",
    "StorageError",
    "compare",
    "explain",
    "faults",
    "load_network",
    "load_run",
    "register",
    "simulate",
    "transport",
]
