"""eventsim: an exact event-driven simulator of spiking networks.

Build a `Network` (by hand, or from a trained ReLU network with `eventsim.models.to_ttfs`), `simulate` it, look at the
`Run`. `eventsim.hardware`, `eventsim.models`, `eventsim.study` and `eventsim.viz` are imported when they are first
used.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from eventsim import fabric, faults
from eventsim.connectivity import profiles
from eventsim.connectivity.distributions import Exponential, Lognormal, Normal, Uniform
from eventsim.connectivity.space import Space
from eventsim.errors import (
    BudgetError,
    DeadlockError,
    EventsimError,
    FaultError,
    FileFormatError,
    InputError,
    MappingError,
    ModelError,
    NetworkError,
    PlacementError,
    PrematureSpikeWarning,
    SimulationError,
    StorageError,
)
from eventsim.inspection.compare import compare
from eventsim.inspection.comparison import Comparison
from eventsim.inspection.explain import explain
from eventsim.inspection.explanation import Explanation
from eventsim.kinds import announce
from eventsim.network.convolution import Conv, Pool
from eventsim.network.generators import OnceAtMost, Poisson, Regular
from eventsim.network.network import Network, Population, Projection, Source
from eventsim.network.network_file import load_network
from eventsim.network.neuron_model import Model, Parameter, register
from eventsim.network.projections import Dense, OneToOne, Sparse
from eventsim.network.sources import SpikeTimes
from eventsim.network.steps import Steps
from eventsim.run.run import Run, load_run
from eventsim.simulate import simulate
from eventsim.table import Table
from eventsim.warm_up import WarmUp, warm_up

if TYPE_CHECKING:
    from eventsim import hardware as hardware
    from eventsim import models as models
    from eventsim import study as study
    from eventsim import viz as viz

__version__ = "0.1.0"

__all__ = [
    "BudgetError",
    "Comparison",
    "Conv",
    "DeadlockError",
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
    "OnceAtMost",
    "OneToOne",
    "Parameter",
    "PlacementError",
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
    "Table",
    "Uniform",
    "WarmUp",
    "compare",
    "explain",
    "fabric",
    "faults",
    "load_network",
    "load_run",
    "profiles",
    "register",
    "simulate",
    "warm_up",
]

# Rooms that take a while to import, matplotlib among what they need.
_LATER = ("hardware", "models", "study", "viz")
# Runs on chips, and studies of them, know these by their names.
announce("placed_chip", "eventsim.hardware.placed_chip")
announce("chip", "eventsim.hardware.unplaced_chip")

if not TYPE_CHECKING:  # for a type checker, what this module does not name does not exist

    def __getattr__(name: str) -> Any:
        """`hardware`, `models`, `study` and `viz`, imported."""
        if name in _LATER:
            return importlib.import_module(f"eventsim.{name}")
        raise AttributeError(f"module 'eventsim' has no attribute {name!r}", name=name, obj=sys.modules[__name__])


def __dir__() -> list[str]:
    """What belongs to users; `import eventsim` binds its rooms, too."""
    return sorted([*__all__, *_LATER, "__version__"])
