"""eventsim: an exact event-driven simulator of spiking networks.

Build a `Network` (by hand, or from a trained ReLU network with `eventsim.models.to_ttfs`), `simulate` it, look at the
`Run`. `eventsim.models` and `eventsim.viz` are imported on their own.
"""

from eventsim import faults, transport
from eventsim.connectivity import profiles
from eventsim.connectivity.distributions import Exponential, Lognormal, Normal, Uniform
from eventsim.connectivity.space import Space
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
from eventsim.inspection.compare import compare
from eventsim.inspection.comparison import Comparison
from eventsim.inspection.explain import explain
from eventsim.inspection.explanation import Explanation
from eventsim.network.convolution import Conv, Pool
from eventsim.network.generators import Poisson, Regular
from eventsim.network.network import Network, Population, Projection, Source
from eventsim.network.network_file import load_network
from eventsim.network.neuron_model import Model, Parameter, register
from eventsim.network.projections import Dense, OneToOne, Sparse
from eventsim.network.sources import SpikeTimes
from eventsim.network.steps import Steps
from eventsim.run.run import Run, load_run
from eventsim.simulate import simulate
from eventsim.warm_up import WarmUp, warm_up

__version__ = "0.1.0"

__all__ = [
    "BudgetError",
    "Comparison",
    "Conv",
    "Dense",
    "EventsimError",
    "Explanation",
    "Exponential",
    "FaultError",
    "FileFormatError",
    "InputError",
    "Lognormal",
    "MappingError",
    "Model",
    "ModelError",
    "Network",
    "NetworkError",
    "Normal",
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
    "Space",
    "Sparse",
    "SpikeTimes",
    "Steps",
    "StorageError",
    "Uniform",
    "WarmUp",
    "compare",
    "explain",
    "faults",
    "load_network",
    "load_run",
    "profiles",
    "register",
    "simulate",
    "transport",
    "warm_up",
]
