"""What a population of spiking neurons stands for, and what it is called after.

`streams` says of each of its layers what that carries, `fusion` hands this on to the layers that it makes of them, and
`coded_layers` to the populations. None of it is ever read from a name: names are made at the end, by
`eventsim.models.relu.layer_names`. Relies on nothing. Used by those three, `relu_network` and the mapping.
"""

from dataclasses import dataclass, replace

ABOVE, BELOW = "above 0", "below 0"
ALL = slice(None)

# What a population is called after: a layer of the network, and words behind it, as in conv1.negative; () is nothing.
Called = tuple[str, ...]


@dataclass(frozen=True)
class Carrier:
    """Whose values a population carries.

    Attributes
    ----------
    layer
        The layer of `Streams` that gives these values.
    channels
        Those of its outputs that they are.
    part
        What they are of signed values, `ABOVE` or `BELOW`, there with the opposite sign; "" for values as they are.
    of
        The layer of the network whose values this part and the other one carry; "" for none.
    """

    layer: str
    channels: slice
    part: str = ""
    of: str = ""

    def narrowed(self, channels: slice) -> "Carrier":
        """Some of the channels of one that has them all."""
        return replace(self, channels=channels)


def numbered(called: Called, k: int, n: int) -> Called:
    """Return what is called so of the k-th of n parts side by side."""
    return called if n == 1 else (*called, f"{k + 1}")
