"""What a core of a chip can hold at most: a value that knows no chip and no network.

Relies on the checks. Used by whatever places neurons on cores, and by chips, which say their limits so.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventsim.checks import flag, integer, shown
from eventsim.errors import PlacementError, listed, nearest

# What the neurons of a core share, in the order in which it is shown. A fan-in is each neuron's own.
RESOURCES = ("neurons", "synapses", "memory", "axons")
UNITS = {"neurons": "neurons", "synapses": "synapses", "memory": "bits of weights", "axons": "axons"}


@dataclass(frozen=True)
class CoreLimits:
    """What each core can hold at most; None is unlimited, or unknown.

    Attributes
    ----------
    neurons
        Neurons that live on the core. Pools at their receivers are no neurons of it, see `placing.place`.
    fan_in
        Synapses onto one neuron, those that lead from one neuron to the same other one counted each.
    synapses
        Synapses onto all neurons of the core, or with `shared_kernels` the weights that are kept for them.
    memory
        Bits for these weights, `weight_bits` each.
    axons
        Different neurons, sources and those of the core itself among them, of which a spike reaches the core.
    weight_bits
        Bits of a weight; needed where `memory` is given.
    shared_kernels
        Whether the weights of a convolution or pool are kept once a core: the kernel of each output channel that has a
        neuron there, whole, whatever its positions. False keeps a weight for each synapse.

    Raises
    ------
    PlacementError
        A limit that is no integer >= 1, a memory without the bits of a weight.

    Examples
    --------
    >>> CoreLimits(neurons=256, fan_in=256)
    CoreLimits(neurons=256, fan_in=256)
    """

    neurons: int | None = None
    fan_in: int | None = None
    synapses: int | None = None
    memory: int | None = None
    axons: int | None = None
    weight_bits: int | None = None
    shared_kernels: bool = False

    def __post_init__(self) -> None:
        for name in (*RESOURCES, "fan_in", "weight_bits"):
            value = getattr(self, name)
            if value is not None:
                remedy = "None is unlimited."
                object.__setattr__(self, name, integer("CoreLimits", name, value, PlacementError, low=1, remedy=remedy))
        flag("CoreLimits", "shared_kernels", self.shared_kernels, PlacementError)
        if self.memory is not None and self.weight_bits is None:
            raise PlacementError(
                f"CoreLimits: memory = {self.memory} bits without weight_bits; must know how many bits a weight has. "
                "Give e.g. weight_bits=8."
            )

    def __repr__(self) -> str:
        return f"CoreLimits({', '.join(f'{name}={value!r}' for name, value in self.describe().items())})"

    def describe(self) -> dict[str, Any]:
        """What is not the default, by name: what JSON holds of it, and `CoreLimits` takes."""
        each = ((field.name, getattr(self, field.name), field.default) for field in dataclasses.fields(self))
        return {name: value for name, value, default in each if value != default}

    @classmethod
    def from_description(cls, given: Mapping[str, Any]) -> "CoreLimits":
        """Return the limits that `describe` described.

        Raises
        ------
        PlacementError
            An unknown name, with the nearest known one; a value that is none.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(given, Mapping):
            raise PlacementError(f"limits = {shown(given)}; must be a dict of {listed(known)}. Give {{}} for none.")
        for name in given:
            if name not in known:
                raise PlacementError(
                    f"limits: unknown limit {shown(name)}{nearest(name, known)}; must be one of {listed(known)}. "
                    "Choose among these."
                )
        return cls(**given)
